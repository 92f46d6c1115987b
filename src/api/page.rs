//! Which rows a request asks for: filter, order and page.

use super::error::Mistakes;
use super::params::Params;
use crate::artifact::{Format, Place};
use crate::config;
use crate::filter;
use crate::store::{DEFAULT_ORDER, Direction, RowQuery};
use actix_web::HttpRequest;
use bson::Document;
use serde_json::Value;

/// Longer addresses are not offered as links: many clients refuse so long a header.
const MAX_LINK_BYTES: usize = 2000;

/// Rows that a request asks for.
#[derive(Debug)]
pub(super) struct Wanted {
    /// Filter, order, and what of the rows to pass over and to take.
    pub(super) query: RowQuery,
    /// `None`: all rows.
    page: Option<Page>,
}

/// A page of rows.
#[derive(Debug, Clone, Copy)]
struct Page {
    number: u64,
    limit: u64,
}

impl Wanted {
    /// Reads the query string, and notes everything that is wrong. Without `limit` and `page` the first page of JSON is
    /// wanted, and of any other format all rows.
    pub(super) fn read(params: &Params, format: &Format, config: &config::Api, mistakes: &mut Mistakes) -> Self {
        let page = page(params, format.name != "json", config, mistakes);
        let path = params.get("orderBy").unwrap_or(DEFAULT_ORDER);
        if !filter::is_plain_path(path) {
            mistakes.insert("orderBy", "expected a path of letters, digits, _, - and .".to_owned());
        }
        let direction = direction(params, mistakes);
        let filter = condition(params, mistakes);
        let skip = page.map_or(Some(0), |page| (page.number - 1).checked_mul(page.limit));
        // Databases count in signed numbers.
        let skip = skip.filter(|skip| i64::try_from(*skip).is_ok()).unwrap_or_else(|| {
            mistakes.insert("page", "expected a smaller number".to_owned());
            0
        });
        let limit = page.map(|page| page.limit);
        let query = RowQuery { filter, sort: Some((path.to_owned(), direction)), skip, limit, generation: None };
        Self { query, page }
    }

    /// What the answer says where `found` rows match.
    pub(super) fn place(&self, found: u64) -> Place {
        let Page { number, limit } = self.page.unwrap_or(Page { number: 1, limit: found });
        Place { found, total_pages: found.div_ceil(limit.max(1)), page: number, limit }
    }

    /// Which rows these are, in words; nothing where all are asked for in the default order.
    pub(super) fn words(&self, params: &Params) -> Vec<String> {
        let query = params.get("query").map(|query| format!("query: {query}"));
        let order = params.get("orderBy").or(params.get("ascending")).and(self.query.sort.as_ref());
        let order = order.map(|(path, direction)| match direction {
            Direction::Ascending => format!("order: {path}, ascending"),
            Direction::Descending => format!("order: {path}, descending"),
        });
        let page = self.page.map(|Page { number, limit }| format!("page {number} of {limit} rows a page"));
        query.into_iter().chain(order).chain(page).collect()
    }

    /// The header `Link`: the pages before and after this one; nothing where all rows were asked for.
    pub(super) fn links(&self, request: &HttpRequest, params: &Params, place: Place) -> Option<String> {
        self.page?;
        let link = |page: u64, rel: &str| format!(r#"<{}?{}>; rel="{rel}""#, request.path(), params.with_page(page));
        let previous = (place.page > 1).then(|| link((place.page - 1).min(place.total_pages.max(1)), "prev"));
        let next = (place.page < place.total_pages).then(|| link(place.page + 1, "next"));
        let links: Vec<String> = previous.into_iter().chain(next).collect();
        let fits = !links.is_empty() && links.iter().all(|link| link.len() <= MAX_LINK_BYTES);
        fits.then(|| links.join(", "))
    }
}

fn page(params: &Params, may_be_all: bool, config: &config::Api, mistakes: &mut Mistakes) -> Option<Page> {
    let (limit, number) = (params.get("limit"), params.get("page"));
    if may_be_all && limit.is_none() && number.is_none() {
        return None;
    }
    let max = config.max_page_rows;
    let limit = limit.map_or(Some(config.page_rows.min(max)), |text| whole(text, max)).unwrap_or_else(|| {
        mistakes.insert(
            "limit",
            format!("expected a number from 1 to {max}; every format but json gives all rows without it"),
        );
        1
    });
    let number = number.map_or(Some(1), |text| whole(text, u64::MAX)).unwrap_or_else(|| {
        mistakes.insert("page", "expected a number from 1".to_owned());
        1
    });
    Some(Page { number, limit })
}

fn whole(text: &str, max: u64) -> Option<u64> {
    text.parse().ok().filter(|number| (1..=max).contains(number))
}

fn direction(params: &Params, mistakes: &mut Mistakes) -> Direction {
    match params.get("ascending") {
        None | Some("0" | "-1") => Direction::Descending,
        Some("1") => Direction::Ascending,
        Some(_) => {
            mistakes.insert("ascending", "expected 1 for ascending, 0 or -1 for descending".to_owned());
            Direction::Descending
        }
    }
}

fn condition(params: &Params, mistakes: &mut Mistakes) -> Document {
    let checked = match params.get("query").map(serde_json::from_str) {
        None => return Document::new(),
        Some(Ok(Value::Object(query))) => filter::rows(&query).map_err(|error| error.to_string()),
        Some(Ok(_)) => Err("expected a JSON object".to_owned()),
        Some(Err(error)) => Err(format!("expected a JSON object: {error}")),
    };
    checked.unwrap_or_else(|mistake| {
        mistakes.insert("query", mistake);
        Document::new()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact;
    use actix_web::test::TestRequest;
    use std::time::Duration;

    fn config() -> config::Api {
        config::Api {
            host: String::new(),
            port: 0,
            threads: 1,
            page_rows: 1500,
            max_page_rows: 5000,
            max_body_bytes: 1024,
            query_timeout: Duration::from_secs(1),
        }
    }

    fn read(query: &str, format: &str) -> (Wanted, Mistakes) {
        let mut mistakes = Mistakes::new();
        let format = artifact::format(format).unwrap();
        (Wanted::read(&Params::parse(query), format, &config(), &mut mistakes), mistakes)
    }

    fn wanted(query: &str) -> Wanted {
        let (wanted, mistakes) = read(query, "json");
        assert!(mistakes.is_empty(), "{mistakes:?}");
        wanted
    }

    fn mistakes(query: &str) -> Vec<&'static str> {
        read(query, "json").1.into_keys().collect()
    }

    #[test]
    fn default_order_is_newest_first() {
        for query in ["", "ascending=0", "ascending=-1", "ascending="] {
            assert_eq!(wanted(query).query.sort, Some(("updated_at".to_owned(), Direction::Descending)), "{query}");
        }
        assert_eq!(
            wanted("ascending=1&orderBy=os.base").query.sort,
            Some(("os.base".to_owned(), Direction::Ascending))
        );
        let long = |bytes| format!("orderBy={}", "a".repeat(bytes));
        assert!(mistakes(&long(200)).is_empty() && mistakes(&long(201)) == ["orderBy"]);
    }

    #[test]
    fn without_limit_json_is_a_page_and_any_other_format_all_rows() {
        let first = wanted("orderBy=name");
        assert_eq!((first.query.skip, first.query.limit), (0, Some(1500)));
        assert_eq!(first.place(9000), Place { found: 9000, total_pages: 6, page: 1, limit: 1500 });
        assert_eq!(first.place(0), Place { found: 0, total_pages: 0, page: 1, limit: 1500 });
        let (all, _) = read("orderBy=name", "csv");
        assert_eq!((all.query.skip, all.query.limit), (0, None));
        assert_eq!(all.place(9000), Place { found: 9000, total_pages: 1, page: 1, limit: 9000 });
        assert_eq!(all.words(&Params::parse("orderBy=name")), ["order: name, descending"]);
    }

    #[test]
    fn a_page_is_cut_from_the_rows() {
        let third = wanted("limit=20&page=3");
        assert_eq!((third.query.skip, third.query.limit), (40, Some(20)));
        assert_eq!(third.place(41), Place { found: 41, total_pages: 3, page: 3, limit: 20 });
        assert_eq!(wanted("page=2").query.limit, Some(1500));
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let all = mistakes("limit=0&page=x&orderBy=$where&ascending=up&query=[]");
        assert_eq!(all, ["ascending", "limit", "orderBy", "page", "query"]);
        assert_eq!(mistakes("limit=5001"), ["limit"]);
        assert_eq!(mistakes("limit=5000&page=18446744073709551615"), ["page"]);
        assert_eq!(mistakes("orderBy=a..b"), ["orderBy"]);
        assert_eq!(mistakes(r#"query={"$where":"1"}"#), ["query"]);
    }

    #[test]
    fn links_lead_to_the_neighbouring_pages() {
        let request = TestRequest::with_uri("/reports/x").to_http_request();
        let links = |query: &str, found| {
            let wanted = wanted(query);
            wanted.links(&request, &Params::parse(query), wanted.place(found))
        };
        assert_eq!(
            links("limit=5&page=2", 11).unwrap(),
            r#"</reports/x?limit=5&page=1>; rel="prev", </reports/x?limit=5&page=3>; rel="next""#
        );
        assert_eq!(links("limit=5", 11).unwrap(), r#"</reports/x?limit=5&page=2>; rel="next""#);
        assert_eq!(links("limit=5&page=9", 11).unwrap(), r#"</reports/x?limit=5&page=3>; rel="prev""#);
        assert_eq!(links("limit=20", 11), None);
        assert_eq!(links("", 11), None);
        assert_eq!(links("", 1501).unwrap(), r#"</reports/x?page=2>; rel="next""#);
    }
}
