//! Conditions in SQL, and how they are combined.

use rusqlite::types::Value;

/// A piece of SQL and the values of its parameters.
#[derive(Debug, Clone, Default)]
pub(super) struct Sql {
    pub(super) text: String,
    pub(super) values: Vec<Value>,
}

impl Sql {
    pub(super) fn new(text: impl Into<String>, values: impl IntoIterator<Item = Value>) -> Sql {
        Sql { text: text.into(), values: values.into_iter().collect() }
    }

    pub(super) fn push(&mut self, more: Sql) {
        self.text.push_str(&more.text);
        self.values.extend(more.values);
    }

    /// The same SQL with text before and after it.
    pub(super) fn within(self, before: &str, after: &str) -> Sql {
        Sql { text: format!("{before}{}{after}", self.text), values: self.values }
    }

    pub(super) fn join(parts: Vec<Sql>, between: &str) -> Sql {
        let text = parts.iter().map(|p| p.text.as_str()).collect::<Vec<_>>().join(between);
        Sql { text, values: parts.into_iter().flat_map(|p| p.values).collect() }
    }
}

/// One condition in SQL: a test of item `i`; the same test in a form that is faster for many items, because it gathers
/// all matches once; and, if possible, a list of the file ids of all matches.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    pub(super) test: Sql,
    pub(super) gathered: Option<Sql>,
    pub(super) list: Option<Sql>,
    /// A list that is used only if the condition is one of several alternatives.
    pub(super) list_beside: Option<Sql>,
}

impl Condition {
    /// A condition whose test costs the same for one and for many items.
    pub(super) fn new(test: Sql, list: Option<Sql>) -> Condition {
        Condition { test, gathered: None, list, list_beside: None }
    }

    /// A condition on indexed columns of `items`.
    pub(super) fn on_items(
        text: impl Into<String>,
        values: impl IntoIterator<Item = Value> + Clone,
    ) -> Condition {
        let text = text.into();
        let list = format!("SELECT i.file_id FROM items i WHERE i.hidden = 0 AND {text}");
        let list = Sql::new(list, values.clone());
        Condition::new(Sql::new(text, values), Some(list))
    }

    pub(super) fn any_of(mut conditions: Vec<Condition>) -> Condition {
        if conditions.len() == 1 {
            return conditions.remove(0);
        }
        let lists: Option<Vec<Sql>> =
            conditions.iter().map(|c| c.list.clone().or(c.list_beside.clone())).collect();
        let gathered = Condition::all_gathered(&conditions, " OR ");
        let test = Sql::join(conditions.into_iter().map(|c| c.test).collect(), " OR ");
        Condition {
            test: test.within("(", ")"),
            gathered,
            // UNION removes duplicates.
            list: lists.map(|lists| Sql::join(lists, " UNION ")),
            list_beside: None,
        }
    }

    pub(super) fn all_of(conditions: Vec<Condition>) -> Condition {
        let gathered = Condition::all_gathered(&conditions, " AND ");
        let test = Sql::join(conditions.into_iter().map(|c| c.test).collect(), " AND ");
        Condition { test: test.within("(", ")"), gathered, list: None, list_beside: None }
    }

    /// All conditions joined, gathered where possible; `None` if none can be gathered.
    fn all_gathered(conditions: &[Condition], between: &str) -> Option<Sql> {
        conditions.iter().any(|c| c.gathered.is_some()).then(|| {
            let each = conditions.iter().map(|c| c.for_many().clone()).collect();
            Sql::join(each, between).within("(", ")")
        })
    }

    pub(super) fn denied(self) -> Condition {
        let not = |sql: Sql| sql.within("NOT coalesce(", ", 0)");
        Condition { test: not(self.test), gathered: self.gathered.map(not), list: None, list_beside: None }
    }

    /// The test for many items in a row.
    pub(super) fn for_many(&self) -> &Sql {
        self.gathered.as_ref().unwrap_or(&self.test)
    }

    pub(super) fn nothing() -> Condition {
        Condition::new(Sql::new("0", []), Some(Sql::new("SELECT 0 AS file_id WHERE 0", [])))
    }
}

impl Condition {
    /// The same, restricted to some spaces; `None`: all.
    pub(super) fn in_spaces(self, spaces: Option<&[i64]>) -> Condition {
        let Some(spaces) = spaces else { return self };
        let ids = spaces.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let also = format!(" AND i.space_id IN ({ids}))");
        Condition {
            test: self.test.within("(", &also),
            gathered: self.gathered.map(|sql| sql.within("(", &also)),
            list: self.list.map(|list| {
                let after =
                    format!(") l CROSS JOIN items i ON i.file_id = l.file_id WHERE i.space_id IN ({ids})");
                list.within("SELECT l.file_id AS file_id FROM (", &after)
            }),
            list_beside: None,
        }
    }

    /// Removes the list, for conditions without an index.
    pub(super) fn without_list(self) -> Condition {
        Condition { list: None, ..self }
    }
}
