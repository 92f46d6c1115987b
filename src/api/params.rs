//! The query string.

use super::error::ApiError;
use actix_web::HttpRequest;
use url::form_urlencoded;

/// The longest query string, in bytes.
const MAX_BYTES: usize = 32 * 1024;

/// The parameters of a query string, in its order.
#[derive(Debug)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads the query string; what is no UTF-8 is replaced.
    ///
    /// # Errors
    /// 414 where it is too long.
    pub(super) fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let text = request.query_string();
        if text.len() > MAX_BYTES {
            return Err(ApiError::UriTooLong { limit_bytes: MAX_BYTES });
        }
        Ok(Self::parse(text))
    }

    pub(super) fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The first parameter of this name; an empty one counts as absent, as the front API sends them.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// All parameters, in their order.
    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// All parameters.
    pub(super) fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }

    /// A query string with these parameters and another page.
    pub(super) fn with_page(&self, page: u64) -> String {
        let others = self.0.iter().filter(|(key, _)| key != "page");
        let mut text = form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(others).append_pair("page", &page.to_string());
        text.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_several_counts_and_an_empty_one_does_not() {
        let params = Params::parse("page=&page=2&page=3&query=%7B%22a%22%3A1%7D&bad=%ff");
        assert_eq!(params.get("page"), Some("2"));
        assert_eq!(params.get("query"), Some(r#"{"a":1}"#));
        assert_eq!(params.get("limit"), None);
        assert_eq!(params.get("bad"), Some("\u{fffd}"));
    }

    #[test]
    fn another_page_keeps_the_other_parameters() {
        assert_eq!(
            Params::parse("limit=5&page=2&query={\"a b\":1}").with_page(3),
            "limit=5&query=%7B%22a+b%22%3A1%7D&page=3"
        );
    }
}
