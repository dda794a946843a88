//! wasi:keyvalue 0.2.0-draft and wasi:config 0.2.0-rc.1, bound by hand: what
//! `wit-bindgen` would write for the few functions used here.
//!
//! A function whose result is not one number writes it to a return area. The
//! area begins with the discriminant of `result`; the payload follows at the
//! payload's alignment: 4 for pointers and handles, 8 for u64.

use std::mem::MaybeUninit;

mod import {
    #[link(wasm_import_module = "wasi:keyvalue/store@0.2.0-draft")]
    extern "C" {
        #[link_name = "open"]
        pub fn open(id: *const u8, id_len: usize, area: *mut u8);
        #[link_name = "[method]bucket.delete"]
        pub fn delete(bucket: u32, key: *const u8, key_len: usize, area: *mut u8);
        #[link_name = "[method]bucket.list-keys"]
        pub fn list_keys(bucket: u32, has_cursor: u32, cursor: u64, area: *mut u8);
        #[link_name = "[resource-drop]bucket"]
        pub fn drop_bucket(bucket: u32);
    }
    #[link(wasm_import_module = "wasi:keyvalue/atomics@0.2.0-draft")]
    extern "C" {
        #[link_name = "increment"]
        pub fn increment(bucket: u32, key: *const u8, key_len: usize, delta: u64, area: *mut u8);
    }
    #[link(wasm_import_module = "wasi:config/store@0.2.0-rc.1")]
    extern "C" {
        #[link_name = "get"]
        pub fn config_get(key: *const u8, key_len: usize, area: *mut u8);
    }
}

/// A return area, large enough for every result below.
#[repr(C, align(8))]
struct Area([u8; 48]);

/// Calls an import that fills a return area.
fn call(f: impl FnOnce(*mut u8)) -> Area {
    let mut area = MaybeUninit::<Area>::zeroed();
    f(area.as_mut_ptr().cast());
    // SAFETY: every bit pattern is a valid Area, and it began as zeroes.
    unsafe { area.assume_init() }
}

impl Area {
    fn u8(&self, at: usize) -> u8 {
        self.0[at]
    }
    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.0[at..at + 4].try_into().unwrap())
    }
    fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.0[at..at + 8].try_into().unwrap())
    }

    /// Takes the string whose pointer and length are at `at`.
    ///
    /// SAFETY: the host wrote both there, having allocated the bytes with
    /// cabi_realloc, and nobody took them before.
    unsafe fn string(&self, at: usize) -> String {
        string(self.u32(at), self.u32(at + 4))
    }

    /// The message of a wasi:keyvalue/store error at `at`.
    ///
    /// SAFETY: as `string`, if the case is `other`.
    unsafe fn store_error(&self, at: usize) -> String {
        match self.u8(at) {
            0 => "no such store".into(),
            1 => "access denied".into(),
            _ => self.string(at + 4),
        }
    }
}

/// SAFETY: as `Area::string`.
unsafe fn string(pointer: u32, length: u32) -> String {
    if length == 0 {
        return String::new();
    }
    String::from_utf8_unchecked(Vec::from_raw_parts(pointer as *mut u8, length as usize, length as usize))
}

pub struct Bucket(u32);

impl Drop for Bucket {
    fn drop(&mut self) {
        unsafe { import::drop_bucket(self.0) }
    }
}

impl Bucket {
    pub fn open(id: &str) -> Result<Bucket, String> {
        let area = call(|area| unsafe { import::open(id.as_ptr(), id.len(), area) });
        match area.u8(0) {
            0 => Ok(Bucket(area.u32(4))),
            _ => Err(unsafe { area.store_error(4) }),
        }
    }

    pub fn delete(&self, key: &str) -> Result<(), String> {
        let area = call(|area| unsafe { import::delete(self.0, key.as_ptr(), key.len(), area) });
        match area.u8(0) {
            0 => Ok(()),
            _ => Err(unsafe { area.store_error(4) }),
        }
    }

    pub fn increment(&self, key: &str, delta: u64) -> Result<u64, String> {
        let area = call(|area| unsafe { import::increment(self.0, key.as_ptr(), key.len(), delta, area) });
        match area.u8(0) {
            0 => Ok(area.u64(8)),
            _ => Err(unsafe { area.store_error(8) }),
        }
    }

    /// Every key, page by page.
    pub fn keys(&self) -> Result<Vec<String>, String> {
        let (mut all, mut has_cursor, mut cursor) = (Vec::new(), 0, 0);
        loop {
            let area = call(|area| unsafe { import::list_keys(self.0, has_cursor, cursor, area) });
            if area.u8(0) != 0 {
                return Err(unsafe { area.store_error(8) });
            }
            let (list, length) = (area.u32(8) as *mut [u32; 2], area.u32(12) as usize);
            if length > 0 {
                // SAFETY: as Area::string, for the list and for each string in it.
                let page = unsafe { Vec::from_raw_parts(list, length, length) };
                all.extend(page.into_iter().map(|[p, n]| unsafe { string(p, n) }));
            }
            if area.u8(16) == 0 {
                return Ok(all);
            }
            (has_cursor, cursor) = (1, area.u64(24));
        }
    }
}

/// A value of the component's configuration.
pub fn config(key: &str) -> Result<Option<String>, String> {
    let area = call(|area| unsafe { import::config_get(key.as_ptr(), key.len(), area) });
    match (area.u8(0), area.u8(4)) {
        (0, 0) => Ok(None),
        (0, _) => Ok(Some(unsafe { area.string(8) })),
        _ => Err(unsafe { area.string(8) }),
    }
}
