// A calculator. Each argument, or each line of standard input, is an expression or an
// assignment; with -v the variables that are set follow at the end. A line that cannot
// be read is told on standard error and makes the exit status 2.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <numbers>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Result = std::expected<double, std::string>;
using Variables = std::map<std::string, double, std::less<>>;

struct Expression {
  virtual ~Expression() = default;
  virtual Result value(const Variables &) const = 0;
};
using Node = std::unique_ptr<Expression>;

struct Number final : Expression {
  explicit Number(double n) : n(n) {}
  Result value(const Variables &) const override { return n; }
  double n;
};

struct Name final : Expression {
  explicit Name(std::string_view name) : name(name) {}
  Result value(const Variables &variables) const override {
    if (auto at = variables.find(name); at != variables.end()) return at->second;
    return std::unexpected(name + " is not set");
  }
  std::string name;
};

using Function = std::function<Result(std::span<const double>)>;

struct Call final : Expression {
  Call(const Function &f, std::vector<Node> operands) : f(f), operands(std::move(operands)) {}
  Result value(const Variables &variables) const override {
    std::vector<double> values;
    for (const auto &operand : operands) {
      auto v = operand->value(variables);
      if (!v) return v;
      values.push_back(*v);
    }
    return f(values);
  }
  const Function &f;
  std::vector<Node> operands;
};

// Built before main, and so only if the constructors of globals are called.
const std::map<std::string, Function, std::less<>> functions{
    {"+", [](auto v) { return v[0] + v[1]; }},
    {"-", [](auto v) { return v.size() == 1 ? -v[0] : v[0] - v[1]; }},
    {"*", [](auto v) { return v[0] * v[1]; }},
    {"/", [](auto v) -> Result {
       if (v[1] == 0) return std::unexpected("division by 0");
       return v[0] / v[1];
     }},
    {"sqrt", [](auto v) { return std::sqrt(v[0]); }},
    {"max", [](auto v) { return std::ranges::max(v); }},
    {"median", [](auto v) {
       std::vector<double> sorted(v.begin(), v.end());
       std::ranges::sort(sorted);
       auto n = sorted.size();
       return n % 2 ? sorted[n / 2] : std::midpoint(sorted[n / 2 - 1], sorted[n / 2]);
     }},
};

// Parser reads an expression by descent. After a failure it answers nothing more.
class Parser {
public:
  explicit Parser(std::string_view text) : rest(text) {}

  std::expected<Node, std::string> parse() {
    auto node = sum();
    if (node && !peek().empty()) fail("unexpected " + std::string(peek()));
    if (!problem.empty()) return std::unexpected(problem);
    return node;
  }

  // assigned takes "NAME =" from the beginning, if it is there.
  std::string assigned() {
    auto before = rest;
    std::string name(word());
    if (!name.empty() && take("=")) return name;
    rest = before;
    return "";
  }

private:
  static constexpr int max_depth = 200;

  void blanks() { rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size())); }

  std::string_view peek() {
    blanks();
    return rest.substr(0, 1);
  }

  bool take(std::string_view token) {
    if (peek() != token) return false;
    rest.remove_prefix(1);
    return true;
  }

  std::string_view word() {
    blanks();
    auto end = std::ranges::find_if_not(rest, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
    auto found = rest.substr(0, static_cast<size_t>(end - rest.begin()));
    rest.remove_prefix(found.size());
    return found;
  }

  Node fail(std::string why) {
    if (problem.empty()) problem = std::move(why);
    return nullptr;
  }

  template <typename... Operands> Node call(std::string_view name, Operands... operands) {
    std::vector<Node> list;
    (list.push_back(std::move(operands)), ...);
    return call(name, std::move(list));
  }

  Node call(std::string_view name, std::vector<Node> operands) {
    if (std::ranges::find(operands, nullptr) != operands.end()) return nullptr;
    auto f = functions.find(name);
    if (f == functions.end()) return fail("no function " + std::string(name));
    return std::make_unique<Call>(f->second, std::move(operands));
  }

  Node sum() {
    auto left = product();
    for (std::string op; left && !(op = peek()).empty() && (op == "+" || op == "-");) {
      take(op);
      left = call(op, std::move(left), product());
    }
    return left;
  }

  Node product() {
    auto left = factor();
    for (std::string op; left && !(op = peek()).empty() && (op == "*" || op == "/");) {
      take(op);
      left = call(op, std::move(left), factor());
    }
    return left;
  }

  Node factor() {
    if (++depth > max_depth) return fail("deeper than " + std::to_string(max_depth));
    auto node = operand();
    depth--;
    return node;
  }

  Node operand() {
    if (take("-")) return call("-", factor());
    if (take("(")) {
      auto inside = sum();
      return inside && !take(")") ? fail("no )") : std::move(inside);
    }
    if (auto name = word(); !name.empty()) return take("(") ? arguments(name) : std::make_unique<Name>(name);
    const std::string digits(rest);
    char *end;
    const double n = std::strtod(digits.c_str(), &end);
    if (end == digits.c_str()) return fail(rest.empty() ? "unexpected end" : "unexpected " + std::string(peek()));
    rest.remove_prefix(static_cast<size_t>(end - digits.c_str()));
    return std::make_unique<Number>(n);
  }

  Node arguments(std::string_view name) {
    std::vector<Node> list;
    do list.push_back(sum());
    while (list.back() && take(","));
    if (list.back() && !take(")")) return fail("no )");
    return call(name, std::move(list));
  }

  std::string_view rest;
  std::string problem;
  int depth = 0;
};

std::string text(double n) {
  char digits[32];
  return {digits, static_cast<size_t>(std::snprintf(digits, sizeof digits, "%.12g", n))};
}

bool evaluate(std::string_view line, Variables &variables) {
  Parser parser(line);
  auto name = parser.assigned();
  auto value = parser.parse().and_then([&](const Node &node) { return node->value(variables); });
  if (!value) {
    std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(line.size()), line.data(), value.error().c_str());
    return false;
  }
  if (!name.empty()) variables.insert_or_assign(name, *value);
  else std::printf("%s\n", text(*value).c_str());
  return true;
}

bool read_line(std::string &line) {
  line.clear();
  int c;
  while ((c = std::getchar()) != EOF && c != '\n') line.push_back(static_cast<char>(c));
  return c != EOF || !line.empty();
}

// Its destructor says the last word, if those of globals are called.
struct Goodbye {
  size_t lines = 0;
  ~Goodbye() { if (lines > 1) std::fprintf(stderr, "%zu lines\n", lines); }
} goodbye;

} // namespace

int main(int argc, char **argv) {
  std::vector<std::string_view> lines(argv + 1, argv + argc);
  const bool verbose = std::erase(lines, "-v") > 0;
  Variables variables{{"pi", std::numbers::pi}};
  bool good = true;
  for (auto line : lines) good = evaluate(line, variables) && good;
  goodbye.lines = lines.size();
  if (lines.empty()) {
    for (std::string line; read_line(line); goodbye.lines++)
      if (!line.empty()) good = evaluate(line, variables) && good;
  }
  if (verbose)
    for (const auto &[name, value] : variables) std::printf("%s = %s\n", name.c_str(), text(value).c_str());
  std::fflush(stdout);
  return good ? 0 : 2;
}
