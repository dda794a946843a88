//! Fetches over wasi:http/outgoing-handler, as a program and over HTTP.
//!
//!   lattice run examples/fetch/fetch.wasm --net allow=http:example.com -- http://example.com/
//!
//! As a program it writes a line for each URL among its arguments: status, the
//! body's length and the URL, or the error code and the URL. Its exit status is 1
//! if one of them failed.
//!
//! Over HTTP, GET /?http://example.com/ relays status and body, and a request
//! with a body posts it; a failure is answered with 502 and the error code.

use std::io::{Read as _, Write as _};
use wasi::http::outgoing_handler;
use wasi::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingRequest, Method, OutgoingBody, OutgoingRequest, OutgoingResponse, ResponseOutparam,
    Scheme,
};

wasi::cli::command::export!(Fetch);
wasi::http::proxy::export!(Fetch);

struct Fetch;

/// Reads a body to its end.
fn read(body: IncomingBody) -> Result<Vec<u8>, String> {
    let mut all = Vec::new();
    let mut stream = body.stream().map_err(|()| "the body was taken".to_string())?;
    stream.read_to_end(&mut all).map_err(|e| e.to_string())?;
    Ok(all)
}

/// The name of an error code, as far as it is written in WIT.
fn name(code: &ErrorCode) -> String {
    let text = format!("{code:?}");
    let end = text.find(|c: char| !c.is_alphanumeric() && c != ':').unwrap_or(text.len());
    text[..end].trim_start_matches("ErrorCode::").to_string()
}

fn fetch(url: &str, sent: Option<&[u8]>) -> Result<(u16, Vec<u8>), String> {
    let (scheme, rest) = match url.split_once("://") {
        Some(("http", rest)) => (Scheme::Http, rest),
        Some(("https", rest)) => (Scheme::Https, rest),
        _ => return Err(format!("not http or https: {url}")),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let request = OutgoingRequest::new(Fields::new());
    let refused = |()| format!("not a URL: {url}");
    request.set_scheme(Some(&scheme)).map_err(refused)?;
    request.set_authority(Some(authority)).map_err(refused)?;
    request.set_path_with_query(Some(path)).map_err(refused)?;
    let future = match sent {
        None => outgoing_handler::handle(request, None).map_err(|e| name(&e))?,
        Some(bytes) => {
            request.set_method(&Method::Post).map_err(refused)?;
            let body = request.body().expect("the body is taken once");
            let future = outgoing_handler::handle(request, None).map_err(|e| name(&e))?;
            let mut stream = body.write().expect("the stream is taken once");
            let written = stream.write_all(bytes).and_then(|()| std::io::Write::flush(&mut stream));
            drop(stream);
            if written.is_ok() {
                OutgoingBody::finish(body, None).map_err(|e| name(&e))?;
            }
            future
        }
    };
    future.subscribe().block();
    let response = future
        .get()
        .expect("the future is ready")
        .expect("the response is taken once")
        .map_err(|e| name(&e))?;
    let body = response.consume().expect("the body is taken once");
    Ok((response.status(), read(body)?))
}

impl wasi::exports::cli::run::Guest for Fetch {
    fn run() -> Result<(), ()> {
        let mut failed = false;
        let out = wasi::cli::stdout::get_stdout();
        for url in wasi::cli::environment::get_arguments().iter().skip(1) {
            let line = match fetch(url, None) {
                Ok((status, body)) => format!("{status} {} {url}\n", body.len()),
                Err(e) => {
                    failed = true;
                    format!("{e} {url}\n")
                }
            };
            out.blocking_write_and_flush(line.as_bytes()).map_err(|_| ())?;
        }
        if failed {
            return Err(());
        }
        Ok(())
    }
}

impl wasi::exports::http::incoming_handler::Guest for Fetch {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let url = path.split_once('?').map_or("", |(_, url)| url).to_string();
        let posted = matches!(request.method(), Method::Post);
        let body = request.consume().ok().and_then(|b| read(b).ok()).unwrap_or_default();
        let (status, answer) = fetch(&url, posted.then_some(body.as_slice())).unwrap_or_else(|e| (502, format!("{e}\n").into_bytes()));
        let response = OutgoingResponse::new(Fields::new());
        let _ = response.set_status_code(status);
        let sink = response.body().expect("the body is taken once");
        ResponseOutparam::set(out, Ok(response));
        let written = sink.write().is_ok_and(|mut stream| {
            stream.write_all(&answer).and_then(|()| std::io::Write::flush(&mut stream)).is_ok()
        });
        if written {
            let _ = OutgoingBody::finish(sink, None);
        }
    }
}
