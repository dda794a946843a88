//! An HTTP component that needs nothing but HTTP.
//!
//! POST /echo    answers the request's body
//! GET /headers  answers the request's headers, a line each, sorted
//! anything else is greeted

use std::io::{Read as _, Write as _};
use wasi::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

wasi::http::proxy::export!(Hello);

struct Hello;

fn body_of(request: &IncomingRequest) -> Vec<u8> {
    let mut all = Vec::new();
    if let Ok(body) = request.consume() {
        if let Ok(mut stream) = body.stream() {
            // A client that breaks off gets what came so far.
            let _ = stream.read_to_end(&mut all);
        }
    }
    all
}

fn headers_of(request: &IncomingRequest) -> Vec<u8> {
    let mut lines: Vec<String> = request
        .headers()
        .entries()
        .iter()
        .map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value)))
        .collect();
    lines.sort();
    lines.concat().into_bytes()
}

impl wasi::exports::http::incoming_handler::Guest for Hello {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or("/".into());
        let body = match path.as_str() {
            "/echo" => body_of(&request),
            "/headers" => headers_of(&request),
            path => format!("Hello from Rust, {path}\n").into_bytes(),
        };
        let headers = Fields::from_list(&[("content-type".into(), b"text/plain; charset=utf-8".to_vec())])
            .expect("the header is allowed");
        let response = OutgoingResponse::new(headers);
        let sink = response.body().expect("the body is taken once");
        ResponseOutparam::set(out, Ok(response));
        let written = sink.write().is_ok_and(|mut stream| {
            stream.write_all(&body).and_then(|()| std::io::Write::flush(&mut stream)).is_ok()
        });
        if written {
            let _ = OutgoingBody::finish(sink, None);
        }
    }
}
