//! What a run is asked by name: facts whose names are known when the policy is loaded.

use core::ops::Range;

use super::{Parser, nearest_name, syntax};
use crate::condition::error::ConditionError;
use crate::condition::tree::{Expr, Id, Operator, Path, RUN_COUNT, RUN_HAS, RUN_LABELED, Step};

impl Parser {
    /// `run.has("label")`, `run.count("tool")` and `run.since("label")`: facts that are known when the
    /// policy is loaded, so a name is written as it is and not computed.
    #[inline(never)]
    pub(super) fn run_method(
        &mut self,
        function: &str,
        arguments: &[Id],
        range: &Range<u32>,
    ) -> Result<Option<Id>, ConditionError> {
        let [receiver, names @ ..] = arguments else {
            return Ok(None);
        };
        let receiver = *receiver;
        let expr = |at: Id| self.nodes.get(at as usize).map(|node| &node.expr);
        if !matches!(expr(receiver), Some(Expr::Path(path)) if is_run(path)) {
            return Ok(None);
        }
        let fact = match function {
            RUN_HAS | RUN_COUNT => function,
            "since" => RUN_LABELED,
            _ => {
                let known = [RUN_HAS, RUN_COUNT, "since"];
                let error = syntax(range.clone(), format!("`run` has no method `{function}`"));
                let near = nearest_name(function, known);
                return Err(error.with_help(near.unwrap_or_else(|| {
                    "a run is asked with run.has(\"label\"), run.since(\"label\") and run.count(\"tool\")".to_owned()
                })));
            }
        };
        let name = match names {
            [name] if receiver.saturating_add(1) == *name => expr(*name),
            _ => None,
        };
        let Some(Expr::String(name)) = name else {
            let what = if fact == RUN_COUNT { "tool" } else { "label" };
            let message = format!("`run.{function}` takes the name of one {what}, as a text");
            return Err(syntax(range.clone(), message)
                .with_help(format!("for example: run.{function}(\"name\")")));
        };
        let (fact, name) = (fact.to_owned(), name.clone());
        self.nodes.truncate((receiver as usize).saturating_add(1));
        if fact == RUN_LABELED {
            return self
                .since(receiver, &[&fact, &name], range.clone())
                .map(Some);
        }
        if let Some(node) = self.nodes.get_mut(receiver as usize)
            && let Expr::Path(path) = &mut node.expr
        {
            path.steps = vec![Step::Field(fact), Step::Field(name)];
            node.range = range.clone();
        }
        Ok(Some(receiver))
    }

    /// The time since an instant that a run has: `now` less that fact. The run itself is the last node.
    pub(super) fn since(
        &mut self,
        run: Id,
        fact: &[&str],
        range: Range<u32>,
    ) -> Result<Id, ConditionError> {
        let path = |root: &str, steps: &[&str]| {
            let steps = steps.iter().map(|step| Step::Field((*step).to_owned()));
            Expr::Path(Path {
                root: root.to_owned(),
                steps: steps.collect(),
            })
        };
        if let Some(node) = self.nodes.get_mut(run as usize) {
            node.expr = path("now", &[]);
            node.range = range.clone();
        }
        let right = self.push(path("run", fact), range.clone())?;
        let difference = Expr::Binary {
            operator: Operator::Subtract,
            left: run,
            right,
        };
        self.push(difference, range)
    }
}

/// Whether a path is the run itself.
pub(super) fn is_run(path: &Path) -> bool {
    path.root == "run" && path.steps.is_empty()
}
