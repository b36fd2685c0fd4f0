//! A listener that serves nobody and sends everybody on, as the one on port 80 does. BOSH clients mostly do not follow redirects, so they
//! hear it in their own words (J14).

use bytes::Bytes;
use http::{Method, Request};
use http_body::Body as HttpBody;

use super::FrontState;
use super::bodies::BodyLost;
use super::bosh::Post;
use super::reply::{Form, Reply};

/// Where to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Redirect {
    /// `https://`, a host and perhaps a port.
    pub base: String,
}

impl Redirect {
    pub async fn reply<B>(&self, state: &FrontState, request: Request<B>) -> Reply
    where
        B: HttpBody<Data = Bytes, Error = BodyLost> + Unpin,
    {
        let is_endpoint = state.options.is_endpoint(request.uri().path());
        let form = Form::new(state, request.headers());
        if is_endpoint && request.method() == Method::POST {
            let uri = format!("{}{}", self.base, state.options.path);
            let post = Post::new(state, request.headers());
            return post.refer(state, &uri, request.into_body()).await;
        }
        if is_endpoint && request.method() == Method::OPTIONS {
            // browsers follow no redirect with this
            return Reply::Known(form.preflight(request.headers()));
        }
        // `OPTIONS *` is about no path
        let path = request.uri().path_and_query().map(|path| path.as_str());
        let path = path.filter(|path| path.starts_with('/')).unwrap_or("/");
        Reply::Known(form.moved(request.method(), &format!("{}{path}", self.base)))
    }
}
