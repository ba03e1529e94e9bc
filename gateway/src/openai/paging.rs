//! Lists by pages: what a query asks for, and what a page looks like.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::error::ApiError;
use crate::store::{Order, Page, PageRequest};

/// The query of a list.
#[derive(Debug, Clone)]
pub(crate) struct Paging {
    query: BTreeMap<String, String>,
}

/// One page of a list.
#[derive(Debug, Serialize)]
pub(crate) struct ListObject<T> {
    object: &'static str,
    data: Vec<T>,
    first_id: Option<String>,
    last_id: Option<String>,
    has_more: bool,
}

impl Paging {
    /// A query's fields by their names.
    pub(crate) fn new(query: BTreeMap<String, String>) -> Self {
        Self { query }
    }

    /// A field that is not empty.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let value = self.query.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// `after`, `limit` and `order`. Without `limit` a page has `usual` entries, and `most` at most.
    ///
    /// # Errors
    /// Names the field at fault.
    pub(crate) fn request(&self, usual: usize, most: usize) -> Result<PageRequest, ApiError> {
        let limit = match self.field("limit") {
            None => usual,
            Some(text) => {
                let limit = text.parse().ok().filter(|limit| (1..=most).contains(limit));
                limit.ok_or_else(|| {
                    let message = format!("limit must be a whole number from 1 to {most}");
                    ApiError::invalid("limit", message)
                })?
            }
        };
        let order = match self.field("order") {
            None | Some("desc") => Order::Descending,
            Some("asc") => Order::Ascending,
            Some(_) => {
                let message = "order must be \"asc\" or \"desc\"";
                return Err(ApiError::invalid("order", message));
            }
        };
        let after = self.field("after").map(str::to_owned);
        Ok(PageRequest {
            after,
            limit,
            order,
        })
    }
}

impl<T> ListObject<T> {
    /// A page of records as `object` shows each; `id` is its id.
    pub(crate) fn of<R>(page: Page<R>, id: fn(&R) -> &str, object: impl Fn(R) -> T) -> Self {
        let ids = |record: Option<&R>| record.map(|record| id(record).to_owned());
        Self {
            object: "list",
            first_id: ids(page.items.first()),
            last_id: ids(page.items.last()),
            has_more: page.has_more,
            data: page.items.into_iter().map(object).collect(),
        }
    }
}

impl ListObject<Value> {
    /// A page of objects that are shown as they are kept.
    pub(crate) fn of_values(page: Page<Value>) -> Self {
        fn id(value: &Value) -> &str {
            value["id"].as_str().unwrap_or_default()
        }
        Self::of(page, id, |value| value)
    }
}
