//! Runs a condition as the tests that it is made of.
//!
//! What deciding does with nearly every condition: facts are compared where they stand, and the stack
//! machine is asked only for the pieces that are no plain comparison.

use super::evaluate::{Machine, value_of};
use super::operation::{binary, is_element};
use super::program::{Constant, Program};
use super::timing::plan::{Piece, Plan};
use super::tree::Operator;
use super::truth::{Test, Truth, TruthStack, TruthStep, compare, compare_numbers, compare_texts};
use super::value::Value;
use crate::document::ValueRef;

impl<'a> Machine<'a, '_> {
    /// The value of a named expression, which is a condition more often than not.
    pub(crate) fn value_of(&mut self, program: &'a Program) -> Value<'a> {
        match program.steps.first() {
            Some(TruthStep::Ask(Test::Rest { .. } | Test::Fact(_) | Test::Timed(_))) | None => {}
            Some(_) if program.timing == Plan::Still => match self.ask(program, &[]) {
                Truth::True => return Value::Bool(true),
                Truth::False => return Value::Bool(false),
                Truth::Unknown => return Value::Unknown,
                // Which error it is only the whole can tell.
                Truth::Error => {}
            },
            Some(_) => {}
        }
        self.run(program)
    }

    /// Runs a condition as tests. Of the timed ones the answers are known.
    pub(crate) fn ask(&mut self, program: &'a Program, timed: &[Truth]) -> Truth {
        // Every condition has all steps to itself, whatever was asked before.
        self.scratch().renew();
        match *program.steps {
            [] => return Truth::of(self.run(program)),
            // Half of all conditions are one comparison.
            [TruthStep::Ask(test)] => return self.test(program, test, timed),
            _ => {}
        }
        let mut stack = TruthStack::default();
        let mut at = 0_usize;
        while let Some(step) = program.steps.get(at) {
            at = at.saturating_add(1);
            match *step {
                TruthStep::Ask(test) => stack.push(self.test(program, test, timed)),
                TruthStep::AndAsk(test) => {
                    if stack.top() != Truth::False {
                        let right = self.test(program, test, timed);
                        let left = stack.pop();
                        stack.push(left.and(right));
                    }
                }
                TruthStep::OrAsk(test) => {
                    if stack.top() != Truth::True {
                        let right = self.test(program, test, timed);
                        let left = stack.pop();
                        stack.push(left.or(right));
                    }
                }
                TruthStep::AndSkip(target) => {
                    if stack.top() == Truth::False {
                        at = target as usize;
                    }
                }
                TruthStep::OrSkip(target) => {
                    if stack.top() == Truth::True {
                        at = target as usize;
                    }
                }
                TruthStep::And => {
                    let right = stack.pop();
                    let left = stack.pop();
                    stack.push(left.and(right));
                }
                TruthStep::Or => {
                    let right = stack.pop();
                    let left = stack.pop();
                    stack.push(left.or(right));
                }
                TruthStep::Not => {
                    let truth = stack.pop();
                    stack.push(truth.not());
                }
            }
        }
        stack.top()
    }

    fn test(&mut self, program: &'a Program, test: Test, timed: &[Truth]) -> Truth {
        match test {
            Test::Compare {
                operator,
                slot,
                constant,
            } => {
                let plain = match (
                    self.facts.look(slot),
                    program.constants.get(constant as usize),
                ) {
                    (Value::String(left), Some(Constant::String(right))) => {
                        compare_texts(operator, left, right)
                    }
                    (Value::Number(left), Some(Constant::Number(right))) => {
                        compare_numbers(operator, *left, *right)
                    }
                    _ => None,
                };
                if let Some(truth) = plain {
                    return Truth::from(truth);
                }
                let right = self.constant(program, constant);
                compare(operator, self.facts.value(slot), right, self.scratch())
            }
            Test::CompareFacts {
                operator,
                left,
                right,
            } => {
                let (left, right) = (self.facts.value(left), self.facts.value(right));
                compare(operator, left, right, self.scratch())
            }
            Test::OneOf { slot, list } => {
                let list = program.lists.get(list as usize);
                let list = list.map_or(&[][..], |list| list);
                if let Value::String(text) = self.facts.look(slot)
                    && let Some(found) = is_one_of(text, list)
                {
                    return Truth::from(found);
                }
                let value = self.facts.value(slot);
                let elements = list.iter().map(|element| value_of(element, self.constants));
                Truth::of(is_element(value, elements, self.scratch()))
            }
            Test::Holds { constant, slot } => {
                if let Value::DocumentList(list) = self.facts.look(slot)
                    && let Some(found) = holds(*list, Self::name(program, constant))
                {
                    return Truth::from(found);
                }
                let list = self.facts.value(slot);
                let element = self.constant(program, constant);
                Truth::of(binary(Operator::In, element, list, self.scratch()))
            }
            Test::Begins { slot, constant } => match self.facts.look(slot) {
                Value::String(whole) => {
                    Truth::from(whole.starts_with(Self::name(program, constant)))
                }
                Value::Unknown => Truth::Unknown,
                _ => Truth::Error,
            },
            Test::Fact(slot) => Truth::of(*self.facts.look(slot)),
            Test::Timed(test) => timed.get(test as usize).copied().unwrap_or(Truth::Error),
            Test::Rest { start, end } => Truth::of(self.run_piece(program, Piece { start, end })),
        }
    }
}

/// Whether a text is one of some literals, if these are texts.
#[inline]
fn is_one_of(text: &str, list: &[Constant]) -> Option<bool> {
    for literal in list {
        match literal {
            Constant::String(known) if **known == *text => return Some(true),
            Constant::String(_) => {}
            _ => return None,
        }
    }
    Some(false)
}

/// Whether a text is in a list, if what stands in front of it is text.
#[inline]
fn holds(list: ValueRef<'_>, text: &str) -> Option<bool> {
    for element in list.elements() {
        if element.as_str()? == text {
            return Some(true);
        }
    }
    Some(false)
}
