//! A command whose panics unwind and are caught, which prints what it did, the same
//! wherever it runs.

use std::hint::black_box;
use std::panic::{self, catch_unwind, panic_any, resume_unwind, AssertUnwindSafe};

struct Note(&'static str);

impl Drop for Note {
    fn drop(&mut self) {
        println!("  drop {}, panicking {}", self.0, std::thread::panicking());
    }
}

fn deep(n: u32) -> u32 {
    let _note = (n % 100 == 0).then(|| Note("deep"));
    if n == 0 {
        panic!("bottom");
    }
    deep(n - 1) + 1
}

fn main() {
    panic::set_hook(Box::new(|info| {
        let what = info.payload().downcast_ref::<&str>().copied().unwrap_or("something");
        println!("  hook: {what}");
    }));

    println!("what a variable was set to before");
    let mut x = 1;
    let caught = catch_unwind(AssertUnwindSafe(|| {
        x = 2;
        let list = vec![1, 2];
        let i = black_box(5);
        x = 3;
        list[i]
    }));
    println!("  {} {x}", caught.is_err());

    println!("from below");
    let caught = catch_unwind(|| deep(300));
    println!("  {:?}", caught.unwrap_err().downcast_ref::<&str>());

    println!("again");
    let caught = catch_unwind(|| {
        let _note = Note("outer");
        let inner = catch_unwind(|| panic_any(7i32)).unwrap_err();
        if black_box(true) {
            resume_unwind(inner);
        }
    });
    println!("  {:?}", caught.unwrap_err().downcast_ref::<i32>());

    println!("in a destructor");
    struct Catches;
    impl Drop for Catches {
        fn drop(&mut self) {
            println!("  caught {}", catch_unwind(|| panic_any("inside")).is_err());
        }
    }
    println!("  {}", catch_unwind(|| {
        let _c = Catches;
        if black_box(true) {
            return 5;
        }
        panic!("not reached");
    }).unwrap());

    println!("many");
    panic::set_hook(Box::new(|_| {}));
    let mut sum = 0;
    for i in 0..100_000u32 {
        sum += catch_unwind(|| {
            if black_box(i) % 2 == 1 {
                panic!("odd");
            }
            i % 3
        })
        .unwrap_or(5);
    }
    println!("  {sum}");
}
