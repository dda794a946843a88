// A command that throws and catches in every way that C++ has, and prints what it
// did, the same wherever it runs. With an argument it does one thing alone: a name
// of the list in main, or one that does not come back.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace {

#define KEEP __attribute__((noinline))

// noted is what destructors wrote since it was read last.
std::string noted;

std::string take() { return std::exchange(noted, {}); }

// Note tells when it is destroyed, and whether that is while an exception passes.
struct Note {
  std::string name;
  explicit Note(std::string n) : name(std::move(n)) {}
  Note(const Note&) = delete;
  Note& operator=(const Note&) = delete;
  ~Note() { noted += name + (std::uncaught_exceptions() > 0 ? "! " : " "); }
};

struct Error : std::runtime_error {
  int code;
  Error(int c, const std::string& what) : std::runtime_error(what), code(c) {}
};
struct Worse : Error {
  using Error::Error;
};
struct Side {
  virtual ~Side() = default;
  int side = 7;
};
struct Both : Side, Worse {
  explicit Both(int c) : Worse(c, "both") {}
};
struct Left : virtual Error {
  Left() : Error(1, "left") {}
};
struct Right : virtual Error {
  Right() : Error(2, "right") {}
};
struct Diamond : Left, Right {
  Diamond() : Error(3, "diamond") {}
};

// --- frames

KEEP long deep(int depth, long& destroyed) {
  struct Count {
    long& n;
    ~Count() { n++; }
  } count{destroyed};
  if (depth == 0) throw Worse(42, "from below");
  return deep(depth - 1, destroyed) + depth;
}

void frames() {
  for (int depth : {0, 1, 10, 100, 500}) {
    long destroyed = 0;
    try {
      std::printf("not reached: %ld\n", deep(depth, destroyed));
    } catch (const std::exception& e) {
      std::printf("  %d frames: %s, %ld destroyed\n", depth, e.what(), destroyed);
    }
  }
  auto nested = [] {
    Note a("a");
    std::unique_ptr<Note> m = std::make_unique<Note>("m");
    Note b("b");
    throw 5;
  };
  try {
    nested();
  } catch (int n) {
    std::printf("  %d after %s\n", n, take().c_str());
  }
}

// --- which handler

KEEP void raise(int kind) {
  switch (kind) {
    case 0: throw 1;
    case 1: throw 2L;
    case 2: throw 'c';
    case 3: throw "text";
    case 4: throw std::string("string");
    case 5: throw Error(10, "error");
    case 6: throw Worse(11, "worse");
    case 7: throw Both(12);
    case 8: throw Diamond();
    case 9: throw std::make_shared<int>(13);
    case 10: throw std::out_of_range("range");
    case 11: throw static_cast<const Side*>(nullptr);
    case 12: throw nullptr;
    case 13: throw 2.5;
    case 14: throw std::bad_alloc();
    default: return;
  }
}

KEEP std::string handled(int kind) {
  try {
    raise(kind);
    return "nothing";
  } catch (int n) {
    return "int " + std::to_string(n);
  } catch (long n) {
    return "long " + std::to_string(n);
  } catch (char c) {
    return std::string("char ") + c;
  } catch (const char* s) {
    return std::string("text ") + (s ? s : "(null)");
  } catch (std::string& s) {
    return "string " + s;
  } catch (Side& s) {
    return "side " + std::to_string(s.side);
  } catch (Worse& w) {
    return "worse " + std::to_string(w.code);
  } catch (Left& l) {
    return "left " + std::to_string(l.code);
  } catch (Error e) { // by value
    return "error " + std::to_string(e.code);
  } catch (const std::logic_error& e) {
    return std::string("logic ") + e.what();
  } catch (const Side* p) {
    return p ? "pointer" : "null pointer";
  } catch (const std::bad_alloc&) {
    return "no memory";
  } catch (const std::shared_ptr<int>& p) {
    return "shared " + std::to_string(*p);
  } catch (...) {
    return "something";
  }
}

void handlers() {
  for (int kind = 0; kind <= 15; kind++) std::printf("  %d: %s\n", kind, handled(kind).c_str());
  // A handler further out, past one that does not fit.
  try {
    try {
      raise(6);
    } catch (int) {
      std::puts("not reached");
    } catch (const std::logic_error&) {
      std::puts("not reached");
    }
  } catch (const std::runtime_error& e) {
    std::printf("  outer: %s\n", e.what());
  }
}

// --- again

KEEP void passOn(int depth) {
  Note n("p" + std::to_string(depth));
  try {
    if (depth == 0) throw Worse(7, "first");
    passOn(depth - 1);
  } catch (Error& e) {
    e.code += 1;
    throw; // the same object, whose code the next handler sees
  }
}

void again() {
  try {
    passOn(5);
  } catch (const Worse& w) {
    std::printf("  code %d, %s\n", w.code, take().c_str());
  }
  // Another is thrown in a handler, while the first is not done with; the object
  // of the first is destroyed with its handler.
  try {
    try {
      throw std::make_unique<Note>("first");
    } catch (std::unique_ptr<Note>& first) {
      Note in("in");
      try {
        throw Error(2, "second");
      } catch (Error& second) {
        try {
          throw std::runtime_error(std::string(second.what()) + " and third");
        } catch (std::runtime_error& third) {
          std::printf("  within: %s, %s\n", third.what(), first->name.c_str());
        }
        throw; // the second
      }
    }
  } catch (Error& e) {
    std::printf("  out of the handler: %s, %s\n", e.what(), take().c_str());
  }
  // Nested.
  auto outer = [] {
    try {
      (void)std::stoi("none");
    } catch (...) {
      std::throw_with_nested(Error(9, "cannot read"));
    }
  };
  std::function<void(const std::exception&, int)> tell = [&](const std::exception& e, int depth) {
    std::printf("  %*s%s\n", depth, "", e.what() == std::string("cannot read") ? e.what() : "no number");
    try {
      std::rethrow_if_nested(e);
    } catch (const std::exception& inner) {
      tell(inner, depth + 2);
    }
  };
  try {
    outer();
  } catch (const std::exception& e) {
    tell(e, 0);
  }
}

// --- while unwinding

struct Tries {
  ~Tries() {
    try {
      throw Error(1, "in a destructor");
    } catch (const Error& e) {
      noted += std::string(e.what()) + " (" + std::to_string(std::uncaught_exceptions()) + ") ";
    }
  }
};

struct Members {
  Note a{"a"};
  Note b{"b"};
  Note c;
  explicit Members(bool fail) : c(fail ? throw Error(4, "c") : "c") {}
};

struct Bounded {
  Note n{"n"};
  explicit Bounded(int v) try : value(v > 2 ? throw v : v) {
  } catch (int thrown) {
    throw Error(thrown, "bounded");
  }
  int value;
};

void unwinding() {
  try {
    Tries t;
    Note n("n");
    throw 1;
  } catch (int) {
    std::printf("  %s\n", take().c_str());
  }
  try {
    Members m(true);
  } catch (const Error& e) {
    std::printf("  member %s: %s\n", e.what(), take().c_str());
  }
  try {
    Bounded b(3);
  } catch (const Error& e) {
    std::printf("  %s %d: %s\n", e.what(), e.code, take().c_str());
  }
  // An array of which some are there already.
  static int made;
  struct Some {
    Note n;
    Some() : n("s" + std::to_string(made)) {
      if (++made == 4) throw std::length_error("fourth");
    }
  };
  try {
    std::unique_ptr<Some[]> all(new Some[10]);
  } catch (const std::exception& e) {
    std::printf("  %s: %s\n", e.what(), take().c_str());
  }
  // Out of loops, by all ways.
  std::string ways;
  for (int i = 0; i < 6; i++) {
    Note n("l" + std::to_string(i));
    try {
      if (i == 1) continue;
      if (i == 3) throw i;
      if (i == 5) break;
      ways += "end ";
    } catch (int v) {
      ways += "thrown " + std::to_string(v) + " ";
      continue;
    }
  }
  std::printf("  %s| %s\n", ways.c_str(), take().c_str());
}

// --- held

void held() {
  std::vector<std::exception_ptr> kept;
  for (int kind = 0; kind < 15; kind++) {
    try {
      raise(kind);
    } catch (...) {
      kept.push_back(std::current_exception());
    }
  }
  kept.push_back(std::make_exception_ptr(Error(77, "made")));
  // Others come and go before they are thrown again, last first and twice.
  long sum = 0;
  for (int i = 0; i < 2'000; i++) {
    try {
      throw i;
    } catch (int n) {
      sum += n;
    }
  }
  std::string order;
  for (int round = 0; round < 2; round++) {
    for (auto it = kept.rbegin(); it != kept.rend(); ++it) {
      try {
        std::rethrow_exception(*it);
      } catch (const Error& e) {
        order += std::to_string(e.code) + " ";
      } catch (const std::exception& e) {
        order += "exception ";
      } catch (int n) {
        order += "i" + std::to_string(n) + " ";
      } catch (...) {
        order += "? ";
      }
    }
  }
  std::printf("  sum %ld; %s\n", sum, order.c_str());
  std::exception_ptr p;
  try {
    throw std::make_unique<Note>("object");
  } catch (...) {
    p = std::current_exception();
  }
  std::exception_ptr q = p;
  p = nullptr;
  std::printf("  held: '%s'", take().c_str());
  q = nullptr;
  std::printf(", let go: '%s'\n", take().c_str());
}

// --- the library's

void sorting() {
  std::vector<int> v;
  unsigned x = 1;
  for (int i = 0; i < 1000; i++) v.push_back((x = x * 1664525u + 1013904223u) >> 16);
  int sum = 0, compared = 0;
  for (int n : v) sum += n;
  for (int limit : {10, 1000, 5000, 1 << 30}) {
    auto w = v;
    int calls = 0;
    bool thrown = false;
    try {
      std::stable_sort(w.begin(), w.end(), [&](int a, int b) {
        if (++calls > limit) throw Error(calls, "enough");
        return a < b;
      });
    } catch (const Error& e) {
      thrown = true;
      compared = e.code;
    }
    int left = 0; // an exception may leave any order, but copies of ints lose nothing here
    for (int n : w) left += n;
    std::printf("  limit %d: %s, sorted %d\n", limit, thrown ? "thrown" : "done", !thrown && left == sum && std::is_sorted(w.begin(), w.end()));
    if (thrown && compared != limit + 1) std::puts("wrong count");
  }
  // A comparator that throws in a map leaves the map as it was.
  struct Picky {
    bool operator()(const std::string& a, const std::string& b) const {
      if (a == "bad" || b == "bad") throw std::invalid_argument("bad key");
      return a < b;
    }
  };
  std::map<std::string, int, Picky> m{{"a", 1}, {"b", 2}, {"c", 3}};
  try {
    m["bad"] = 4;
  } catch (const std::invalid_argument& e) {
    std::printf("  %s, %zu left, b is %d\n", e.what(), m.size(), m["b"]);
  }
}

template <typename F>
const char* thrownBy(F f) {
  try {
    f();
  } catch (const std::out_of_range&) {
    return "out_of_range";
  } catch (const std::length_error&) {
    return "length_error";
  } catch (const std::invalid_argument&) {
    return "invalid_argument";
  } catch (const std::bad_alloc&) {
    return "bad_alloc";
  } catch (const std::bad_cast&) {
    return "bad_cast";
  } catch (const std::bad_function_call&) {
    return "bad_function_call";
  } catch (const std::bad_variant_access&) {
    return "bad_variant_access";
  } catch (const std::bad_optional_access&) {
    return "bad_optional_access";
  } catch (const std::bad_weak_ptr&) {
    return "bad_weak_ptr";
  } catch (const std::bad_typeid&) {
    return "bad_typeid";
  } catch (const std::exception&) {
    return "exception";
  }
  return "nothing";
}

void library() {
  std::vector<int> v(3);
  std::string s = "abc";
  // More than a guest may have in memory, and more than a number says.
  volatile std::size_t far = 10, huge = static_cast<std::size_t>(-1) / 4;
  void* volatile kept = nullptr;
  Side side;
  Side* none = nullptr;
  std::printf("  at: %s\n", thrownBy([&] { v.at(far) = 1; }));
  std::printf("  reserve: %s\n", thrownBy([&] { v.reserve(static_cast<std::size_t>(-1)); }));
  std::printf("  substr: %s\n", thrownBy([&] { s = s.substr(far); }));
  std::printf("  stoi: %s, %s\n", thrownBy([&] { (void)std::stoi("x"); }), thrownBy([&] { (void)std::stoi("99999999999999"); }));
  std::printf("  new: %s, %s\n", thrownBy([&] { kept = new char[huge]; }), thrownBy([&] { kept = new long[huge * 3]; }));
  std::printf("  dynamic_cast: %s\n", thrownBy([&] { (void)dynamic_cast<Both&>(side).code; }));
  std::printf("  typeid: %s\n", thrownBy([&] { (void)typeid(*none).name(); }));
  std::printf("  function: %s\n", thrownBy([&] { std::function<void()>()(); }));
  std::printf("  variant: %s\n", thrownBy([&] { (void)std::get<1>(std::variant<int, std::string>(1)); }));
  std::printf("  optional: %s\n", thrownBy([&] { (void)std::optional<int>().value(); }));
  std::printf("  weak_ptr: %s\n", thrownBy([&] { std::shared_ptr<int> p{std::weak_ptr<int>()}; }));
}

// --- a parser that has its errors as exceptions

struct Syntax : std::runtime_error {
  std::size_t at;
  Syntax(std::size_t a, const std::string& what) : std::runtime_error(what), at(a) {}
};

class Parser {
 public:
  explicit Parser(std::string text) : text_(std::move(text)) {}
  long all() {
    long v = sum();
    if (at_ != text_.size()) throw Syntax(at_, "unexpected '" + text_.substr(at_, 1) + "'");
    return v;
  }

 private:
  bool eat(char c) { return at_ < text_.size() && text_[at_] == c ? (at_++, true) : false; }
  long sum() {
    long v = product();
    for (;;) {
      if (eat('+')) v += product();
      else if (eat('-')) v -= product();
      else return v;
    }
  }
  long product() {
    long v = one();
    for (;;) {
      if (eat('*')) {
        v *= one();
      } else if (eat('/')) {
        std::size_t at = at_;
        long by = one();
        if (by == 0) throw std::domain_error("division by zero at " + std::to_string(at));
        v /= by;
      } else {
        return v;
      }
    }
  }
  long one() {
    if (eat('-')) return -one();
    if (eat('(')) {
      long v = sum();
      if (!eat(')')) throw Syntax(at_, "missing ')'");
      return v;
    }
    std::size_t from = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') at_++;
    if (from == at_) throw Syntax(at_, "number expected");
    return std::stol(text_.substr(from, at_ - from));
  }
  std::string text_;
  std::size_t at_ = 0;
};

void parsing() {
  for (std::string text : {"1+2*3", "(1+2)*-3", "1/(2-2)", "(1", "1+", "2)3", "99999999999999999999", "((((((((7))))))))"}) {
    try {
      std::printf("  %s = %ld\n", text.c_str(), Parser(text).all());
    } catch (const Syntax& e) {
      std::printf("  %s: %s at %zu\n", text.c_str(), e.what(), e.at);
    } catch (const std::out_of_range&) {
      std::printf("  %s: too large\n", text.c_str());
    } catch (const std::exception& e) {
      std::printf("  %s: %s\n", text.c_str(), e.what());
    }
  }
}

// --- many

KEEP int sometimes(int i) {
  Note* none = nullptr;
  std::unique_ptr<Note> owned(none); // a cleanup
  if (i % 2 == 1) throw i;
  return i;
}

void many() {
  const char* given = std::getenv("TRIES");
  int tries = given ? std::atoi(given) : 100'000;
  long returned = 0, caught = 0;
  for (int i = 0; i < tries; i++) {
    try {
      returned += sometimes(i) % 7;
    } catch (int n) {
      caught += n % 5;
    }
  }
  std::printf("  returned %ld, caught %ld\n", returned, caught);
}

// --- that do not come back

void ends() noexcept { raise(5); }

void forever() {
  for (long i = 0;; i++) {
    try {
      raise(i % 2 == 0 ? 5 : 15);
    } catch (const Error&) {
    }
  }
}

} // namespace

int main(int argc, char** argv) {
  const std::vector<std::pair<const char*, void (*)()>> all = {
      {"frames", frames}, {"handlers", handlers}, {"again", again},     {"unwinding", unwinding}, {"held", held},
      {"sorting", sorting}, {"library", library}, {"parsing", parsing}, {"many", many},
  };
  const std::string one = argc > 1 ? argv[1] : "";
  if (one == "uncaught") raise(6);
  if (one == "forever") forever();
  if (one == "deeper") {
    long destroyed = 0;
    try {
      deep(argc > 2 ? std::atoi(argv[2]) : 1'000'000, destroyed);
    } catch (const Error& e) {
      std::printf("%s, %ld destroyed\n", e.what(), destroyed);
    }
    return 0;
  }
  if (one == "noexcept") {
    std::set_terminate([] {
      std::puts("terminated");
      std::fflush(stdout);
      std::_Exit(3);
    });
    ends();
  }
  for (const auto& [name, run] : all) {
    if (!one.empty() && one != name) continue;
    std::printf("%s\n", name);
    run();
  }
  return 0;
}
