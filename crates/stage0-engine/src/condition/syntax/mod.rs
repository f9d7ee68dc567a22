//! Tokens to a tree: an operator-precedence (Pratt) parser with its own stack.
//!
//! The grammar is CEL's, minus messages, bytes and unsigned numbers. What is being parsed lives in a
//! list of frames instead of in recursive calls, so nesting is a number that is compared with a
//! limit and can never exhaust the host's stack. Paths with constant steps are folded here into one
//! node, because they become one fact.

mod run;

use core::ops::Range;

use self::run::is_run;
use super::error::{ConditionError, ConditionErrorKind};
use super::token::{Symbol, Token, TokenKind, tokens};
use super::tree::{Expr, Id, LoopKind, Node, Operator, Path, RUN_STARTED, Step, Tree, id};
use crate::limits::{CONDITION_DEPTH_MAX, CONDITION_NODES_MAX, LOOP_DEPTH_MAX};
use crate::suggest::nearest;

/// Names that CEL keeps for itself; `let` is not among them because policies read `let.name`.
const RESERVED: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Words of other languages for what CEL writes with symbols.
const WORDS: &[(&str, &str)] = &[
    ("and", "write `&&`"),
    ("or", "write `||`"),
    ("not", "write `!` in front of the whole: !(a in b)"),
    ("is", "write `==`"),
    ("if", "write test ? value : other"),
    ("AND", "write `&&`"),
    ("OR", "write `||`"),
    ("NOT", "write `!` in front of the whole: !(a in b)"),
    ("IN", "write `in`"),
];

/// The same in front of a value.
const PREFIX_WORDS: &[(&str, &str)] = &[("not", "!"), ("NOT", "!")];

/// Parses one condition.
pub(crate) fn parse(text: &str) -> Result<Tree, ConditionError> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        next: 0,
        nodes: Vec::new(),
        frames: Vec::new(),
        variables: Vec::new(),
    };
    parser.run()?;
    Ok(Tree {
        nodes: parser.nodes,
    })
}

/// What waits for an operand to be completed.
#[derive(Debug)]
enum Frame {
    Binary {
        operator: Operator,
        left: Id,
    },
    Not {
        start: u32,
    },
    Negate {
        start: u32,
    },
    Paren {
        open: Range<u32>,
    },
    List {
        open: Range<u32>,
        items: Vec<Id>,
    },
    Map {
        open: Range<u32>,
        entries: Vec<(Id, Id)>,
        key: Option<Id>,
    },
    Index {
        open: Range<u32>,
        operand: Id,
    },
    Call {
        open: Range<u32>,
        start: u32,
        function: String,
        name: Range<u32>,
        arguments: Vec<Id>,
        method: bool,
    },
    Loop {
        open: Range<u32>,
        kind: LoopKind,
        begin: Id,
        bodies: Vec<Id>,
    },
    Then {
        test: Id,
        question: Range<u32>,
    },
    Else {
        test: Id,
        then: Id,
    },
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    nodes: Vec<Node>,
    frames: Vec<Frame>,
    /// The loop variables in scope, outermost first.
    variables: Vec<String>,
}

/// Where the parser stands between two tokens.
enum State {
    /// An operand must come.
    Operand,
    /// One is complete.
    Complete(Id),
    /// The whole condition is.
    Done,
}

const END: Token = Token {
    kind: TokenKind::End,
    range: 0..0,
};

impl Parser {
    fn run(&mut self) -> Result<(), ConditionError> {
        let mut state = State::Operand;
        loop {
            if self.frames.len() > CONDITION_DEPTH_MAX {
                let place = self.peek().range.clone();
                return Err(ConditionError::new(
                    ConditionErrorKind::TooComplex,
                    place,
                    format!("the condition nests deeper than {CONDITION_DEPTH_MAX} levels"),
                )
                .with_help("name parts of it under `let`"));
            }
            state = match state {
                State::Operand => self.operand()?,
                State::Complete(operand) => self.after(operand)?,
                State::Done => return Ok(()),
            };
        }
    }

    fn peek(&self) -> &Token {
        self.tokens
            .get(self.next)
            .or(self.tokens.last())
            .unwrap_or(&END)
    }

    fn peek_symbol(&self, ahead: usize) -> Option<Symbol> {
        match self.tokens.get(self.next.saturating_add(ahead))?.kind {
            TokenKind::Symbol(symbol) => Some(symbol),
            _ => None,
        }
    }

    fn take(&mut self) -> Token {
        let token = self.peek().clone();
        self.next = self.next.saturating_add(1);
        token
    }

    fn take_if(&mut self, symbol: Symbol) -> bool {
        let found = self.peek_symbol(0) == Some(symbol);
        if found {
            self.next = self.next.saturating_add(1);
        }
        found
    }

    fn push(&mut self, expr: Expr, range: Range<u32>) -> Result<Id, ConditionError> {
        if self.nodes.len() >= CONDITION_NODES_MAX {
            return Err(ConditionError::new(
                ConditionErrorKind::TooComplex,
                range,
                format!("the condition has more than {CONDITION_NODES_MAX} parts"),
            )
            .with_help("put long lists under `data` and split the condition into several rules"));
        }
        let at = id(self.nodes.len());
        self.nodes.push(Node { expr, range });
        Ok(at)
    }

    fn range(&self, of: Id) -> Range<u32> {
        self.nodes
            .get(of as usize)
            .map_or(0..0, |node| node.range.clone())
    }

    fn join(&self, first: Id, last: Id) -> Range<u32> {
        self.range(first).start..self.range(last).end
    }

    // --- Operands ---

    fn operand(&mut self) -> Result<State, ConditionError> {
        let Token { kind, range } = self.take();
        let complete = match kind {
            TokenKind::Number(number) => self.push(Expr::Number(number), range)?,
            TokenKind::String(text) => self.push(Expr::String(text), range)?,
            TokenKind::Name {
                text,
                quoted: false,
            } => return self.name(text, range),
            TokenKind::Symbol(Symbol::Not) => {
                self.frames.push(Frame::Not { start: range.start });
                return Ok(State::Operand);
            }
            TokenKind::Symbol(Symbol::Minus) => {
                if let TokenKind::Number(number) = self.peek().kind {
                    let end = self.take().range.end;
                    self.push(Expr::Number(number.neg()), range.start..end)?
                } else {
                    self.frames.push(Frame::Negate { start: range.start });
                    return Ok(State::Operand);
                }
            }
            TokenKind::Symbol(Symbol::LeftParen) => {
                self.frames.push(Frame::Paren { open: range });
                return Ok(State::Operand);
            }
            TokenKind::Symbol(Symbol::LeftBracket) => {
                if self.peek_symbol(0) == Some(Symbol::RightBracket) {
                    let end = self.take().range.end;
                    self.push(Expr::List(Vec::new()), range.start..end)?
                } else {
                    self.frames.push(Frame::List {
                        open: range,
                        items: Vec::new(),
                    });
                    return Ok(State::Operand);
                }
            }
            TokenKind::Symbol(Symbol::LeftBrace) => {
                if self.peek_symbol(0) == Some(Symbol::RightBrace) {
                    let end = self.take().range.end;
                    self.push(Expr::Map(Vec::new()), range.start..end)?
                } else {
                    self.frames.push(Frame::Map {
                        open: range,
                        entries: Vec::new(),
                        key: None,
                    });
                    return Ok(State::Operand);
                }
            }
            TokenKind::Symbol(Symbol::Dot) => {
                return Err(ConditionError::new(
                    ConditionErrorKind::Unsupported,
                    range,
                    "a leading dot is not part of the language",
                )
                .with_help("there are no namespaces: leave the dot out"));
            }
            TokenKind::End => return Err(self.ended(range)),
            TokenKind::Symbol(symbol) => {
                return Err(syntax(
                    range,
                    format!("`{}` stands where a value is expected", symbol.text()),
                ));
            }
            TokenKind::Name { quoted: true, .. } => {
                return Err(syntax(range, "backticks are for field names, behind a dot"));
            }
        };
        Ok(State::Complete(complete))
    }

    /// The text ended too early: say which bracket is open, if one is.
    fn ended(&self, range: Range<u32>) -> ConditionError {
        for frame in self.frames.iter().rev() {
            let (open, text) = match frame {
                Frame::Paren { open } | Frame::Call { open, .. } | Frame::Loop { open, .. } => {
                    (open, "(")
                }
                Frame::List { open, .. } | Frame::Index { open, .. } => (open, "["),
                Frame::Map { open, .. } => (open, "{"),
                Frame::Then { question, .. } => (question, "?"),
                Frame::Binary { .. }
                | Frame::Not { .. }
                | Frame::Negate { .. }
                | Frame::Else { .. } => continue,
            };
            let missing = if text == "?" {
                "has no `:`"
            } else {
                "is never closed"
            };
            return syntax(open.clone(), format!("`{text}` {missing}"));
        }
        if self.nodes.is_empty() && self.frames.is_empty() {
            return syntax(range, "the condition is empty");
        }
        syntax(range, "the condition ends where a value is expected")
    }

    fn name(&mut self, text: String, range: Range<u32>) -> Result<State, ConditionError> {
        match text.as_str() {
            "null" => return self.push(Expr::Null, range).map(State::Complete),
            "true" => return self.push(Expr::Bool(true), range).map(State::Complete),
            "false" => return self.push(Expr::Bool(false), range).map(State::Complete),
            "in" => return Err(syntax(range, "`in` stands where a value is expected")),
            _ => {}
        }
        if let Some((_, symbol)) = PREFIX_WORDS.iter().find(|(word, _)| *word == text)
            && self.begins_operand()
        {
            let error = syntax(range, format!("`{text}` has no meaning here"));
            return Err(error.with_help(format!("write `{symbol}`")));
        }
        if RESERVED.contains(&text.as_str()) {
            let help = if text == "if" {
                "write test ? value : other"
            } else {
                "choose another name"
            };
            return Err(syntax(range, format!("`{text}` is a reserved word")).with_help(help));
        }
        if self.peek_symbol(0) == Some(Symbol::LeftParen) {
            return self.call(text, range.start, None);
        }
        // The innermost loop wins, as in CEL.
        if let Some(level) = self.variables.iter().rposition(|name| *name == text) {
            return self
                .push(Expr::Variable(id(level)), range)
                .map(State::Complete);
        }
        let path = Path {
            root: text,
            steps: Vec::new(),
        };
        self.push(Expr::Path(path), range).map(State::Complete)
    }

    /// Whether the next token is one with which a value begins, other than a bracket.
    fn begins_operand(&self) -> bool {
        match &self.peek().kind {
            TokenKind::Name { text, .. } => text != "in",
            TokenKind::Number(_) | TokenKind::String(_) => true,
            TokenKind::Symbol(_) | TokenKind::End => false,
        }
    }

    /// At the `(` of a function, or of a method of `receiver`.
    fn call(
        &mut self,
        function: String,
        start: u32,
        receiver: Option<Id>,
    ) -> Result<State, ConditionError> {
        let name = self.range_of_last_token();
        let open = self.take().range;
        if let Some(list) = receiver
            && let Some((_, kind)) = LoopKind::ALL.iter().find(|(name, _)| *name == function)
        {
            return self.begin_loop(*kind, list, open);
        }
        let method = receiver.is_some();
        let arguments: Vec<Id> = receiver.into_iter().collect();
        if self.take_if(Symbol::RightParen) {
            let end = self.end_of_last_token();
            return self
                .end_call((function, name), arguments, method, start..end)
                .map(State::Complete);
        }
        self.frames.push(Frame::Call {
            open,
            start,
            function,
            name,
            arguments,
            method,
        });
        Ok(State::Operand)
    }

    fn end_of_last_token(&self) -> u32 {
        self.range_of_last_token().end
    }

    fn range_of_last_token(&self) -> Range<u32> {
        self.tokens
            .get(self.next.saturating_sub(1))
            .map_or(0..0, |token| token.range.clone())
    }

    #[inline(never)]
    fn begin_loop(
        &mut self,
        kind: LoopKind,
        list: Id,
        open: Range<u32>,
    ) -> Result<State, ConditionError> {
        let Token { kind: token, range } = self.take();
        let TokenKind::Name {
            text: variable,
            quoted: false,
        } = token
        else {
            return Err(syntax(
                range,
                format!("`{}` needs a variable name first", kind.name()),
            )
            .with_help(loop_help(kind)));
        };
        if !self.take_if(Symbol::Comma) {
            let place = self.peek().range.clone();
            return Err(syntax(
                place,
                format!("`{}` needs a variable and a condition", kind.name()),
            )
            .with_help(loop_help(kind)));
        }
        if RESERVED.contains(&variable.as_str())
            || matches!(variable.as_str(), "in" | "true" | "false" | "null")
        {
            return Err(syntax(range, format!("`{variable}` is a reserved word")));
        }
        if self.variables.len() >= LOOP_DEPTH_MAX {
            return Err(ConditionError::new(
                ConditionErrorKind::TooComplex,
                range,
                format!("loops stand in each other more than {LOOP_DEPTH_MAX} deep"),
            ));
        }
        let level = id(self.variables.len());
        let place = self.range(list).start..range.end;
        self.variables.push(variable.clone());
        let begin = self.push(
            Expr::LoopStart {
                list,
                variable,
                kind,
                level,
            },
            place,
        )?;
        self.frames.push(Frame::Loop {
            open,
            kind,
            begin,
            bodies: Vec::new(),
        });
        Ok(State::Operand)
    }

    // --- Behind an operand ---

    fn after(&mut self, operand: Id) -> Result<State, ConditionError> {
        let Token { kind, range } = self.peek().clone();
        match kind {
            TokenKind::Symbol(Symbol::Dot) => {
                self.take();
                self.select(operand)
            }
            TokenKind::Symbol(Symbol::LeftBracket) => {
                self.take();
                self.frames.push(Frame::Index {
                    open: range,
                    operand,
                });
                Ok(State::Operand)
            }
            TokenKind::Symbol(Symbol::LeftBrace) => Err(ConditionError::new(
                ConditionErrorKind::Unsupported,
                range,
                "message construction is not part of the language",
            )),
            TokenKind::Symbol(Symbol::Question) => {
                self.take();
                let test = self.reduce(operand, 0)?;
                if matches!(self.frames.last(), Some(Frame::Then { .. })) {
                    return Err(syntax(range, "a conditional stands bare inside another")
                        .with_help("put the inner one in parentheses"));
                }
                self.frames.push(Frame::Then {
                    test,
                    question: range,
                });
                Ok(State::Operand)
            }
            TokenKind::Symbol(Symbol::Colon) => self.colon(operand, &range),
            TokenKind::Symbol(
                Symbol::RightParen | Symbol::RightBracket | Symbol::RightBrace | Symbol::Comma,
            )
            | TokenKind::End => self.close(operand, &kind, &range),
            TokenKind::Symbol(symbol) => match binary(symbol) {
                Some(operator) => self.operator(operator, operand),
                None => Err(syntax(
                    range,
                    format!("`{}` stands where an operator is expected", symbol.text()),
                )),
            },
            TokenKind::Name {
                text,
                quoted: false,
            } if text == "in" => self.operator(Operator::In, operand),
            TokenKind::Name { text, .. } => {
                let error = syntax(
                    range,
                    format!("`{text}` stands where an operator is expected"),
                );
                Err(match WORDS.iter().find(|(word, _)| *word == text) {
                    Some((_, help)) => error.with_help(*help),
                    None => error,
                })
            }
            TokenKind::Number(_) | TokenKind::String(_) => {
                let is_text = matches!(kind, TokenKind::String(_));
                let is_adjacent = range.start == self.range(operand).end;
                let error = syntax(range, "a value stands where an operator is expected");
                Err(match (is_text, is_adjacent) {
                    (true, _) => {
                        error.with_help("in YAML, put a condition with quotes inside single quotes")
                    }
                    (false, true) => {
                        error.with_help("elements of a list are written in brackets: items[0]")
                    }
                    (false, false) => error,
                })
            }
        }
    }

    fn operator(&mut self, operator: Operator, operand: Id) -> Result<State, ConditionError> {
        self.take();
        let left = self.reduce(operand, operator.strength())?;
        self.frames.push(Frame::Binary { operator, left });
        Ok(State::Operand)
    }

    /// Completes the waiting operators that bind at least as tightly as `strength`.
    fn reduce(&mut self, mut operand: Id, strength: u8) -> Result<Id, ConditionError> {
        loop {
            operand = match self.frames.last() {
                Some(Frame::Not { start }) => {
                    let range = *start..self.range(operand).end;
                    self.frames.pop();
                    self.push(Expr::Not(operand), range)?
                }
                Some(Frame::Negate { start }) => {
                    let range = *start..self.range(operand).end;
                    self.frames.pop();
                    self.push(Expr::Negate(operand), range)?
                }
                Some(&Frame::Binary { operator, left }) if operator.strength() >= strength => {
                    self.frames.pop();
                    let range = self.join(left, operand);
                    self.push(
                        Expr::Binary {
                            operator,
                            left,
                            right: operand,
                        },
                        range,
                    )?
                }
                _ => return Ok(operand),
            };
        }
    }

    /// Completes operators and conditionals up to the bracket that is open.
    fn reduce_all(&mut self, operand: Id) -> Result<Id, ConditionError> {
        let mut operand = self.reduce(operand, 0)?;
        while let Some(&Frame::Else { test, then }) = self.frames.last() {
            self.frames.pop();
            let range = self.join(test, operand);
            let expr = Expr::Conditional {
                test,
                then,
                otherwise: operand,
            };
            operand = self.push(expr, range)?;
            operand = self.reduce(operand, 0)?;
        }
        Ok(operand)
    }

    fn colon(&mut self, operand: Id, place: &Range<u32>) -> Result<State, ConditionError> {
        self.take();
        let operand = self.reduce_all(operand)?;
        match self.frames.pop() {
            Some(Frame::Then { test, .. }) => {
                self.frames.push(Frame::Else {
                    test,
                    then: operand,
                });
                Ok(State::Operand)
            }
            Some(Frame::Map {
                open,
                entries,
                key: None,
            }) => {
                self.frames.push(Frame::Map {
                    open,
                    entries,
                    key: Some(operand),
                });
                Ok(State::Operand)
            }
            _ => Err(syntax(place.clone(), "`:` belongs to no `?` and no map")),
        }
    }

    fn select(&mut self, operand: Id) -> Result<State, ConditionError> {
        let Token { kind, range } = self.take();
        let TokenKind::Name { text, quoted } = kind else {
            let error = syntax(range, "a field name is expected behind `.`");
            return Err(error.with_help("names with other characters: context[\"actor-role\"]"));
        };
        if !quoted && self.peek_symbol(0) == Some(Symbol::LeftParen) {
            let start = self.range(operand).start;
            return self.call(text, start, Some(operand));
        }
        let place = self.range(operand).start..range.end;
        self.step(operand, Step::Field(text), place)
            .map(State::Complete)
    }

    /// Adds a constant step: to the path, if the operand is one, else as a selection.
    fn step(&mut self, operand: Id, step: Step, place: Range<u32>) -> Result<Id, ConditionError> {
        if let Some(node) = self.nodes.get_mut(operand as usize)
            && let Expr::Path(path) = &mut node.expr
        {
            if is_run(path) && step == Step::Field("elapsed".to_owned()) {
                return self.since(operand, &[RUN_STARTED], place);
            }
            path.steps.push(step);
            node.range = place;
            return Ok(operand);
        }
        match step {
            Step::Field(field) => self.push(Expr::Select { operand, field }, place),
            Step::Position(position) => {
                let number = crate::number::Number::from_u64(u64::from(position));
                let index = self.push(Expr::Number(number), place.clone())?;
                self.push(Expr::Index { operand, index }, place)
            }
        }
    }

    /// A closing bracket, a comma or the end.
    fn close(
        &mut self,
        operand: Id,
        kind: &TokenKind,
        place: &Range<u32>,
    ) -> Result<State, ConditionError> {
        let operand = self.reduce_all(operand)?;
        self.take();
        let symbol = match kind {
            TokenKind::Symbol(symbol) => Some(*symbol),
            _ => None,
        };
        let end = place.end;
        match (self.frames.pop(), symbol) {
            (None, None) => Ok(State::Done),
            (Some(Frame::Paren { open }), Some(Symbol::RightParen)) => {
                if let Some(node) = self.nodes.get_mut(operand as usize) {
                    node.range = open.start..end;
                }
                Ok(State::Complete(operand))
            }
            (Some(Frame::List { open, mut items }), Some(symbol))
                if symbol != Symbol::RightParen && symbol != Symbol::RightBrace =>
            {
                items.push(operand);
                let trailing = symbol == Symbol::Comma && self.take_if(Symbol::RightBracket);
                if symbol == Symbol::Comma && !trailing {
                    self.frames.push(Frame::List { open, items });
                    return Ok(State::Operand);
                }
                let end = self.end_of_last_token();
                self.push(Expr::List(items), open.start..end)
                    .map(State::Complete)
            }
            (
                Some(Frame::Map {
                    open,
                    mut entries,
                    key: Some(key),
                }),
                Some(symbol),
            ) if symbol != Symbol::RightParen && symbol != Symbol::RightBracket => {
                entries.push((key, operand));
                let trailing = symbol == Symbol::Comma && self.take_if(Symbol::RightBrace);
                if symbol == Symbol::Comma && !trailing {
                    self.frames.push(Frame::Map {
                        open,
                        entries,
                        key: None,
                    });
                    return Ok(State::Operand);
                }
                let end = self.end_of_last_token();
                self.push(Expr::Map(entries), open.start..end)
                    .map(State::Complete)
            }
            (
                Some(Frame::Index {
                    operand: indexed, ..
                }),
                Some(Symbol::RightBracket),
            ) => self.index(indexed, operand, end).map(State::Complete),
            (
                Some(Frame::Call {
                    open,
                    start,
                    function,
                    name,
                    mut arguments,
                    method,
                }),
                Some(symbol @ (Symbol::RightParen | Symbol::Comma)),
            ) => {
                arguments.push(operand);
                if symbol == Symbol::Comma {
                    self.frames.push(Frame::Call {
                        open,
                        start,
                        function,
                        name,
                        arguments,
                        method,
                    });
                    return Ok(State::Operand);
                }
                self.end_call((function, name), arguments, method, start..end)
                    .map(State::Complete)
            }
            (
                Some(Frame::Loop {
                    open,
                    kind,
                    begin,
                    mut bodies,
                }),
                Some(symbol @ (Symbol::RightParen | Symbol::Comma)),
            ) => {
                bodies.push(operand);
                if symbol == Symbol::Comma {
                    self.frames.push(Frame::Loop {
                        open,
                        kind,
                        begin,
                        bodies,
                    });
                    return Ok(State::Operand);
                }
                self.end_loop(kind, begin, &bodies, end)
                    .map(State::Complete)
            }
            (None, Some(Symbol::Comma)) => {
                let error = syntax(place.clone(), "`,` separates nothing here");
                Err(error
                    .with_help("numbers have no commas: 1500, and conditions are joined with `&&`"))
            }
            (None, Some(symbol)) => {
                let text = symbol.text();
                Err(syntax(
                    place.clone(),
                    format!("`{text}` closes nothing that is open"),
                ))
            }
            (Some(Frame::Map { key: None, .. }), Some(Symbol::RightBrace | Symbol::Comma)) => {
                let error = syntax(place.clone(), "this key has no `:` and no value");
                Err(error.with_help("objects are {\"key\": value}; facts stand without braces"))
            }
            (Some(frame), _) => {
                self.frames.push(frame);
                let error = self.ended(place.clone());
                Err(match symbol {
                    Some(symbol) => syntax(
                        place.clone(),
                        format!("`{}` does not fit here: {}", symbol.text(), error.message()),
                    ),
                    None => error,
                })
            }
        }
    }

    fn index(&mut self, operand: Id, index: Id, end: u32) -> Result<Id, ConditionError> {
        let place = self.range(operand).start..end;
        // A constant index directly behind a path is one more step of it.
        let adjacent =
            operand.saturating_add(1) == index && index == id(self.nodes.len()).saturating_sub(1);
        let is_path = matches!(
            self.nodes.get(operand as usize),
            Some(Node {
                expr: Expr::Path(_),
                ..
            })
        );
        if adjacent && is_path {
            let step = match self.nodes.get(index as usize).map(|node| &node.expr) {
                Some(Expr::String(key)) => Some(Step::Field(key.clone())),
                Some(Expr::Number(number)) => number
                    .to_i64()
                    .and_then(|n| u32::try_from(n).ok())
                    .map(Step::Position),
                _ => None,
            };
            if let Some(step) = step {
                self.nodes.pop();
                return self.step(operand, step, place);
            }
        }
        self.push(Expr::Index { operand, index }, place)
    }

    fn end_call(
        &mut self,
        (function, name): (String, Range<u32>),
        arguments: Vec<Id>,
        method: bool,
        range: Range<u32>,
    ) -> Result<Id, ConditionError> {
        if function == "has" && !method {
            return self.has(&arguments, range);
        }
        if method && let Some(asked) = self.run_method(&function, &arguments, &range)? {
            return Ok(asked);
        }
        if !method && let Some((_, kind)) = LoopKind::ALL.iter().find(|(name, _)| *name == function)
        {
            return Err(
                syntax(range, format!("`{function}` is called on a list")).with_help(format!(
                    "for example: args.items.{}(item, item > 0)",
                    kind.name()
                )),
            );
        }
        self.push(
            Expr::Call {
                function,
                name,
                arguments,
                method,
            },
            range,
        )
    }

    /// `has` looks at the path itself, not at its value: the argument's last node is replaced.
    fn has(&mut self, arguments: &[Id], range: Range<u32>) -> Result<Id, ConditionError> {
        let refused = |message: &str| {
            syntax(range.clone(), message).with_help("for example: has(context.ticket_id)")
        };
        let [argument] = arguments else {
            return Err(refused("`has` takes one path"));
        };
        let expr = match self.nodes.get(*argument as usize).map(|node| &node.expr) {
            Some(Expr::Path(path)) if !path.steps.is_empty() => Expr::HasPath(path.clone()),
            Some(Expr::Select { operand, field }) => Expr::HasField {
                operand: *operand,
                field: field.clone(),
            },
            Some(Expr::Path(_) | Expr::Variable(_)) => {
                return Err(refused(
                    "`has` looks for a member, and this path names none",
                ));
            }
            Some(Expr::Index { .. }) => {
                let error = refused("`has` needs a path whose every step is known");
                return Err(error.with_help("ask for a key with: key in context.limits"));
            }
            _ => return Err(refused("`has` takes one path")),
        };
        self.nodes.truncate(*argument as usize);
        self.push(expr, range)
    }

    fn end_loop(
        &mut self,
        kind: LoopKind,
        start: Id,
        bodies: &[Id],
        end: u32,
    ) -> Result<Id, ConditionError> {
        self.variables.pop();
        let place = self.range(start).start..end;
        let (filter, body) = match (bodies, kind) {
            ([body], _) => (None, *body),
            ([filter, body], LoopKind::Map) => (Some(*filter), *body),
            _ => {
                let error = syntax(place, format!("`{}` has too many arguments", kind.name()));
                return Err(error.with_help(loop_help(kind)));
            }
        };
        self.push(
            Expr::Loop {
                kind,
                start,
                filter,
                body,
            },
            place,
        )
    }
}

fn binary(symbol: Symbol) -> Option<Operator> {
    Some(match symbol {
        Symbol::OrOr => Operator::Or,
        Symbol::AndAnd => Operator::And,
        Symbol::Equal => Operator::Equal,
        Symbol::NotEqual => Operator::NotEqual,
        Symbol::Less => Operator::Less,
        Symbol::LessEqual => Operator::LessEqual,
        Symbol::Greater => Operator::Greater,
        Symbol::GreaterEqual => Operator::GreaterEqual,
        Symbol::Plus => Operator::Add,
        Symbol::Minus => Operator::Subtract,
        Symbol::Star => Operator::Multiply,
        Symbol::Slash => Operator::Divide,
        Symbol::Percent => Operator::Remainder,
        _ => return None,
    })
}

/// How a loop is written.
fn loop_help(kind: LoopKind) -> String {
    let body = match kind {
        LoopKind::Map => "item.price",
        LoopKind::Exists | LoopKind::All | LoopKind::ExistsOne | LoopKind::Filter => {
            "item.price > 100"
        }
    };
    format!("for example: args.items.{}(item, {body})", kind.name())
}

fn syntax(range: Range<u32>, message: impl AsRef<str>) -> ConditionError {
    ConditionError::new(ConditionErrorKind::Syntax, range, message)
}

/// A did-you-mean for functions, shared with the checker.
pub(crate) fn nearest_name<'n>(
    wanted: &str,
    known: impl IntoIterator<Item = &'n str>,
) -> Option<String> {
    nearest(wanted, known).map(|name| format!("did you mean `{name}`?"))
}
