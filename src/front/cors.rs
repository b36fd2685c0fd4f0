//! Which scripts on other sites may read our answers (Fetch standard; N05 to N07, T39).

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Who may, and what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cors {
    pub origins: Origins,
    /// Further response headers that scripts may read.
    pub expose: Vec<HeaderName>,
}

/// The origins that may read answers. Credentials go with a list only: `*` together with them means nothing to a browser.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origins {
    Any,
    Listed {
        origins: Vec<HeaderValue>,
        credentials: Credentials,
    },
}

/// May a browser send cookies along (`withCredentials`)?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Credentials {
    Omitted,
    Allowed,
}

/// What one request was granted; fixed when its head was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Grant {
    Anyone,
    Origin(HeaderValue),
    Nobody,
}

impl Default for Cors {
    /// BOSH needs no cookies and its secrets are in the body, so any page may try.
    fn default() -> Self {
        Self {
            origins: Origins::Any,
            expose: Vec::new(),
        }
    }
}

impl Cors {
    /// What a request with these headers is granted.
    pub fn grant(&self, request: &HeaderMap) -> Grant {
        match &self.origins {
            Origins::Any => Grant::Anyone,
            Origins::Listed { origins, .. } => {
                // the listed value and not the request's, which would keep the connection's read buffer alive while held
                let origin = request
                    .get(header::ORIGIN)
                    .and_then(|origin| origins.iter().find(|listed| *listed == origin));
                origin.map_or(Grant::Nobody, |origin| Grant::Origin(origin.clone()))
            }
        }
    }

    /// May a page that asks with these headers have a WebSocket, whose bytes no browser withholds from it? Who names no origin is no browser.
    pub fn admits(&self, request: &HeaderMap) -> bool {
        match &self.origins {
            Origins::Any => true,
            Origins::Listed { origins, .. } => request.get_all(header::ORIGIN).iter().all(|origin| origins.contains(origin)),
        }
    }

    /// What a response says of the grant, the grant itself last.
    pub fn headers(&self, grant: &Grant, mut put: impl FnMut(HeaderName, HeaderValue)) {
        if let Origins::Listed { .. } = self.origins {
            put(header::VARY, HeaderValue::from_static("Origin"));
        }
        let origin = match grant {
            Grant::Anyone => HeaderValue::from_static("*"),
            Grant::Origin(origin) => origin.clone(),
            Grant::Nobody => return,
        };
        if let Origins::Listed { credentials, .. } = self.origins
            && credentials == Credentials::Allowed
        {
            put(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        for name in &self.expose {
            put(header::ACCESS_CONTROL_EXPOSE_HEADERS, name.clone().into());
        }
        put(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
}

/// The most header names that one preflight is told to be allowed; browsers ask for a handful.
const REQUESTED_MAX: usize = 32;

/// `Access-Control-Allow-Headers`: what the preflight asks for, as far as these are header names, and `Content-Type` in any case.
pub fn allowed_headers(request: &HeaderMap) -> HeaderValue {
    let requested = request
        .get(header::ACCESS_CONTROL_REQUEST_HEADERS)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let names = requested
        .split(',')
        .take(REQUESTED_MAX)
        .filter_map(|name| HeaderName::try_from(name.trim()).ok());
    let mut allowed = String::from("Content-Type");
    for name in names.filter(|name| name != header::CONTENT_TYPE) {
        allowed.push_str(", ");
        allowed.push_str(name.as_str());
    }
    HeaderValue::try_from(allowed).unwrap_or(HeaderValue::from_static("Content-Type"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    fn listed(credentials: Credentials) -> Cors {
        let origins = vec![
            HeaderValue::from_static("https://a.example"),
            HeaderValue::from_static("https://b.example"),
        ];
        Cors {
            origins: Origins::Listed { origins, credentials },
            expose: vec![HeaderName::from_static("x-shard")],
        }
    }

    fn answered(cors: &Cors, origin: &'static str) -> HeaderMap {
        let mut response = HeaderMap::new();
        let grant = cors.grant(&headers(header::ORIGIN, origin));
        cors.headers(&grant, |name, value| _ = response.insert(name, value));
        response
    }

    // N07
    #[test]
    fn a_listed_origin_is_echoed_with_its_rights() {
        let response = answered(&listed(Credentials::Allowed), "https://b.example");
        assert_eq!(response["access-control-allow-origin"], "https://b.example");
        assert_eq!(response["access-control-allow-credentials"], "true");
        assert_eq!(response["access-control-expose-headers"], "x-shard");
        assert_eq!(response["vary"], "Origin");
    }

    // N07
    #[test]
    fn an_origin_that_is_not_listed_gets_nothing() {
        for origin in ["https://c.example", "null"] {
            let response = answered(&listed(Credentials::Omitted), origin);
            assert_eq!(response.len(), 1, "only Vary");
            assert_eq!(response["vary"], "Origin");
        }
    }

    // N05
    #[test]
    fn anybody_is_a_star_and_nothing_else() {
        let response = answered(&Cors::default(), "null");
        assert_eq!(response.len(), 1);
        assert_eq!(response["access-control-allow-origin"], "*");
    }

    // N06
    #[test]
    fn only_header_names_are_reflected() {
        let asked = headers(
            header::ACCESS_CONTROL_REQUEST_HEADERS,
            "content-type, X-Token , bad name,,x:y",
        );
        assert_eq!(allowed_headers(&asked), "Content-Type, x-token");
        assert_eq!(allowed_headers(&HeaderMap::new()), "Content-Type");
    }
}
