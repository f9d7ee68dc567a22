//! A value of a policy file as a document, which is what the engine reads: constants, tables, and the
//! requests of test cases.

use stage0_engine::document::{Document, DocumentBuilder, DocumentError};

use super::{Node, NodeValue};

impl Node {
    /// The value as a document of its own.
    ///
    /// # Errors
    /// It has more parts than a document can count, which no file of the permitted size has.
    pub(crate) fn to_document(&self) -> Result<Document<'static>, DocumentError> {
        let mut builder = DocumentBuilder::new("", usize::MAX);
        self.append_to(&mut builder)?;
        Ok(builder.finish())
    }

    /// Adds the value to a document. Nesting costs heap, not stack.
    ///
    /// # Errors
    /// As for [`Node::to_document`].
    pub(crate) fn append_to(
        &self,
        builder: &mut DocumentBuilder<'static>,
    ) -> Result<(), DocumentError> {
        enum Step<'n> {
            Value(&'n Node),
            Key(&'n str),
            EndList(u32, usize),
            EndObject(u32, usize),
        }
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        // What is left to be added, the next last.
        let mut steps = vec![Step::Value(self)];
        while let Some(step) = steps.pop() {
            let node = match step {
                Step::Value(node) => node,
                Step::Key(key) => {
                    builder.string(key)?;
                    continue;
                }
                Step::EndList(at, length) => {
                    builder.end_list(at, count(length));
                    continue;
                }
                Step::EndObject(at, length) => {
                    builder.end_object(at, count(length))?;
                    continue;
                }
            };
            match &node.value {
                NodeValue::Null | NodeValue::Invalid => builder.null()?,
                NodeValue::Bool(value) => builder.bool(*value)?,
                NodeValue::Number(number) => builder.number(number)?,
                NodeValue::String(text) => builder.string(&text.value)?,
                NodeValue::List(items) => {
                    let at = builder.begin_list()?;
                    steps.push(Step::EndList(at, items.len()));
                    steps.extend(items.iter().rev().map(Step::Value));
                }
                NodeValue::Map(entries) => {
                    let at = builder.begin_object()?;
                    steps.push(Step::EndObject(at, entries.len()));
                    for (key, value) in entries.iter().rev() {
                        steps.push(Step::Value(value));
                        steps.push(Step::Key(&key.value));
                    }
                }
            }
        }
        Ok(())
    }
}
