//! A gRPC service whose messages are framed by hand, to show what is below the
//! libraries: the greeter of gRPC's own examples.
//!
//!   service Greeter {
//!     rpc SayHello (HelloRequest) returns (HelloReply);
//!     rpc SayHelloBidiStream (stream HelloRequest) returns (stream HelloReply);
//!   }
//!   message HelloRequest { string name = 1; }
//!   message HelloReply { string message = 1; }

use std::io::{ErrorKind, Read, Write};
use wasi::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

wasi::http::proxy::export!(Greeter);

struct Greeter;

/// The longest message that is read, in bytes.
const MAX_MESSAGE: usize = 1 << 20;

/// A call's end: a code of gRPC with a text in ASCII, without percent signs.
struct Status(u8, &'static str);

const OK: Status = Status(0, "");
const UNIMPLEMENTED: u8 = 12;
const INTERNAL: u8 = 13;
const TOO_LARGE: Status = Status(8, "a message has more than 1 MiB");
const CUT: Status = Status(INTERNAL, "a message ends before its length");
const MALFORMED: Status = Status(INTERNAL, "a message is not a HelloRequest");
const NOT_ONE: Status = Status(INTERNAL, "the call has not one message");
const GONE: Status = Status(INTERNAL, "the answer could not be written");

impl Status {
    fn fields(&self) -> Vec<(String, Vec<u8>)> {
        let mut all = vec![("grpc-status".into(), self.0.to_string().into_bytes())];
        if !self.1.is_empty() {
            all.push(("grpc-message".into(), self.1.into()));
        }
        all
    }
}

/// Reads the bytes of buf; false at the end of the body, if nothing was read.
fn fill(input: &mut impl Read, buf: &mut [u8]) -> Result<bool, Status> {
    let mut have = 0;
    while have < buf.len() {
        match input.read(&mut buf[have..]) {
            Ok(0) if have == 0 => return Ok(false),
            Ok(0) => return Err(CUT),
            Ok(n) => have += n,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Err(CUT),
        }
    }
    Ok(true)
}

/// Reads a message: a flag for compression, the length in four bytes, the rest.
fn read_message(input: &mut impl Read) -> Result<Option<Vec<u8>>, Status> {
    let mut head = [0; 5];
    if !fill(input, &mut head)? {
        return Ok(None);
    }
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    match head[0] {
        0 if length > MAX_MESSAGE => Err(TOO_LARGE),
        0 => {
            let mut message = vec![0; length];
            if length > 0 && !fill(input, &mut message)? {
                return Err(CUT);
            }
            Ok(Some(message))
        }
        _ => Err(Status(UNIMPLEMENTED, "compressed messages are not supported")),
    }
}

/// Takes a number of protobuf from the beginning of b.
fn varint(b: &mut &[u8]) -> Result<u64, Status> {
    let mut n = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = b.split_first().ok_or(MALFORMED)?;
        *b = rest;
        n |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(n);
        }
    }
    Err(MALFORMED)
}

fn take<'a>(b: &mut &'a [u8], n: u64) -> Result<&'a [u8], Status> {
    let n = usize::try_from(n).map_err(|_| MALFORMED)?;
    let part = b.get(..n).ok_or(MALFORMED)?;
    *b = &b[n..];
    Ok(part)
}

/// The name in a HelloRequest; fields that are not known are passed over.
fn name_of(mut message: &[u8]) -> Result<&str, Status> {
    let mut name = "";
    while !message.is_empty() {
        let tag = varint(&mut message)?;
        let value = match tag & 7 {
            0 => varint(&mut message).map(|_| &[][..])?,
            1 => take(&mut message, 8)?,
            2 => {
                let n = varint(&mut message)?;
                take(&mut message, n)?
            }
            5 => take(&mut message, 4)?,
            _ => return Err(MALFORMED),
        };
        if tag == 1 << 3 | 2 {
            name = std::str::from_utf8(value).map_err(|_| MALFORMED)?;
        }
    }
    Ok(name)
}

/// A HelloReply with its frame.
fn reply(name: &str) -> Vec<u8> {
    let text = format!("Hello {name}");
    let mut message = vec![1 << 3 | 2];
    let mut n = text.len();
    while n >= 0x80 {
        message.push(n as u8 | 0x80);
        n >>= 7;
    }
    message.push(n as u8);
    message.extend(text.as_bytes());
    let mut frame = vec![0];
    frame.extend((message.len() as u32).to_be_bytes());
    frame.extend(message);
    frame
}

/// Answers each message at once, or the only one that there may be.
fn greet(input: &mut impl Read, output: &mut impl Write, many: bool) -> Result<(), Status> {
    let mut seen = 0;
    while let Some(message) = read_message(input)? {
        seen += 1;
        if seen > 1 && !many {
            return Err(NOT_ONE);
        }
        output.write_all(&reply(name_of(&message)?)).and_then(|()| output.flush()).map_err(|_| GONE)?;
    }
    if seen == 1 || many { Ok(()) } else { Err(NOT_ONE) }
}

/// Answers with a head alone.
fn refuse(out: ResponseOutparam, status: u16, fields: Vec<(String, Vec<u8>)>) {
    let response = OutgoingResponse::new(Fields::from_list(&fields).expect("the fields are allowed"));
    response.set_status_code(status).expect("the status is one");
    let body = response.body().expect("the body is taken once");
    ResponseOutparam::set(out, Ok(response));
    let _ = OutgoingBody::finish(body, None);
}

impl wasi::exports::http::incoming_handler::Guest for Greeter {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let grpc = request.headers().get("content-type").first().is_some_and(|t| t.starts_with(b"application/grpc"));
        if !grpc {
            return refuse(out, 415, vec![]);
        }
        let head = || vec![("content-type".to_string(), b"application/grpc".to_vec())];
        let many = match request.path_with_query().as_deref() {
            Some("/helloworld.Greeter/SayHello") => false,
            Some("/helloworld.Greeter/SayHelloBidiStream") => true,
            _ => {
                let mut fields = head();
                fields.extend(Status(UNIMPLEMENTED, "there is no such method").fields());
                return refuse(out, 200, fields);
            }
        };
        let response = OutgoingResponse::new(Fields::from_list(&head()).expect("the fields are allowed"));
        let sink = response.body().expect("the body is taken once");
        ResponseOutparam::set(out, Ok(response));
        let body = request.consume().expect("the body is taken once");
        let status = {
            let mut input = body.stream().expect("the stream is taken once");
            let mut output = sink.write().expect("the stream is taken once");
            greet(&mut input, &mut output, many).err().unwrap_or(OK)
        };
        let trailers = Fields::from_list(&status.fields()).expect("the fields are allowed");
        let _ = OutgoingBody::finish(sink, Some(trailers));
    }
}
