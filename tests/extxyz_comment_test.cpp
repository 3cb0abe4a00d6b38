#include "formats/extxyz_comment.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "core/base/error.h"

using namespace atp;
using Content = CommentValue::Content;

namespace {

const CommentEntry& entry(const Comment& c, std::string_view key) {
  const CommentEntry* e = c.find(key);
  CAPTURE(key);
  REQUIRE(e != nullptr);
  return *e;
}

std::vector<std::uint32_t> shape(const CommentEntry& e) {
  return {e.value.shape.begin(), e.value.shape.begin() + e.value.rank};
}

std::string text(const Comment& c, std::string_view key) {
  const CommentEntry& e = entry(c, key);
  REQUIRE(e.value.content == Content::text);
  REQUIRE(e.value.rank == 0);
  return std::string(c.texts(e.value)[0]);
}

std::vector<double> numbers(const Comment& c, std::string_view key) {
  const CommentEntry& e = entry(c, key);
  REQUIRE(e.value.numeric());
  std::vector<double> out;
  for (std::size_t i = 0; i < e.value.count; ++i) out.push_back(c.real(e.value, i));
  return out;
}

void check_type(std::string_view value, Content content, std::vector<std::uint32_t> expected = {}) {
  CAPTURE(value);
  Comment c;
  const std::string line = "k=" + std::string(value);
  c.parse(line);
  const CommentEntry& e = entry(c, "k");
  CHECK(e.value.content == content);
  CHECK(shape(e) == expected);
}

std::string problem(std::string_view line) {
  try {
    Comment c;
    c.parse(line);
  } catch (const Error& e) {
    CHECK(e.exit() == Exit::input);
    return e.problem();
  }
  return "";
}

}  // namespace

TEST_CASE("comment: the type of a value, first match wins") {
  check_type("1", Content::integer);
  check_type("-12", Content::integer);
  check_type("+12", Content::integer);
  check_type("1.0", Content::real);
  check_type("1e5", Content::real);
  check_type("1d5", Content::real);
  check_type("-1.5D-3", Content::real);
  check_type("nan", Content::real);
  check_type("-inf", Content::real);
  for (const char* b : {"T", "F", "True", "true", "TRUE", "False", "false", "FALSE"}) check_type(b, Content::logical);
  check_type("t", Content::text);
  check_type("abc", Content::text);
  check_type("1.2.3", Content::text);
  check_type("2024-01-01", Content::text);
  check_type("9223372036854775807", Content::integer);
  check_type("9223372036854775808", Content::real);  // 2^63 is a double
  check_type("9223372036854775809", Content::text);  // a double would lose the last digit
  check_type("-9223372036854775809", Content::text);
  check_type("\"\"", Content::text);
}

TEST_CASE("comment: old-style lists") {
  check_type("\"1 2 3\"", Content::integer, {3});
  check_type("\"1 2.5 3\"", Content::real, {3});
  check_type("\"1 2 x\"", Content::text);
  check_type("\"T F T\"", Content::logical, {3});
  check_type("\"T 1\"", Content::text);
  check_type("\"5\"", Content::integer);  // a list of one is a scalar
  check_type("\" 5.0 \"", Content::real);
  check_type("{1 2 3}", Content::integer, {3});
  check_type("{1}", Content::integer);
  check_type("'1 2 3'", Content::integer, {3});
  check_type("'T'", Content::logical);
  check_type("\"1\t2\"", Content::integer, {2});
  check_type("\"1, 2,3\"", Content::integer, {3});  // as ASE reads them
  check_type("1.5,2", Content::real, {2});
  check_type("\"a, b\"", Content::text);
  check_type("\",\"", Content::text);
}

TEST_CASE("comment: new-style lists") {
  check_type("[1,2,3]", Content::integer, {3});
  check_type("[1, 2.5, 3]", Content::real, {3});
  check_type("[ 1 , 2 ]", Content::integer, {2});
  check_type("[1 2 3]", Content::integer, {3});
  check_type("[T, F]", Content::logical, {2});
  check_type("[1]", Content::integer, {1});
  check_type("[]", Content::real, {0});
  check_type("[a, 1]", Content::text, {2});
  check_type("[\"1\", \"2\"]", Content::text, {2});
  check_type("['a', 'b c']", Content::text, {2});
  check_type("[[1,2,3],[4,5,6]]", Content::integer, {2, 3});
  check_type("[[1.0, 0], [0, 1]]", Content::real, {2, 2});
  check_type("[[[1],[2]],[[3],[4]],[[5],[6]]]", Content::integer, {3, 2, 1});
  check_type("[[],[]]", Content::real, {2, 0});
  for (const char* irregular :
       {"[[1,2],[3]]", "[1,[2]]", "[[1],2]", "[1,,2]", "[1,2,]", "[,1]", "[[[[[[[[[1]]]]]]]]]", "[[1],[[2]]]"}) {
    CAPTURE(irregular);
    Comment c;
    const std::string line = "k=" + std::string(irregular);
    c.parse(line);
    CHECK(text(c, "k") == irregular);
  }
}

TEST_CASE("comment: keys, spaces and flags") {
  Comment c;
  c.parse("  a=1 b = 2  c =3 d= 4 flag <R2>=35.3 user-data=x \"two words\"=5 end ");
  CHECK(numbers(c, "a") == std::vector<double>{1});
  CHECK(numbers(c, "b") == std::vector<double>{2});
  CHECK(numbers(c, "c") == std::vector<double>{3});
  CHECK(numbers(c, "d") == std::vector<double>{4});
  CHECK(entry(c, "flag").flag);
  CHECK(entry(c, "flag").value.content == Content::logical);
  CHECK(numbers(c, "<R2>") == std::vector<double>{35.3});
  CHECK(text(c, "user-data") == "x");
  CHECK(numbers(c, "two words") == std::vector<double>{5});
  CHECK(entry(c, "end").flag);
  CHECK(c.entries().size() == 9);
}

TEST_CASE("comment: a key without a value before the next pair") {
  Comment c;
  c.parse("name= energy=5 note=");
  CHECK(text(c, "name") == "");
  CHECK(numbers(c, "energy") == std::vector<double>{5});
  CHECK(text(c, "note") == "");
  c.parse("a= b = 5");
  CHECK(text(c, "a") == "");
  CHECK(numbers(c, "b") == std::vector<double>{5});
}

TEST_CASE("comment: quotes and escapes") {
  Comment c;
  c.parse(R"(a="x \"y\" \\ z\n" b='hello' note=it's path=C:\new mail=a@b eq=x=y key4="a@b" s="P 1")");
  CHECK(text(c, "a") == "x \"y\" \\ z\n");
  CHECK(text(c, "b") == "hello");
  CHECK(text(c, "note") == "it's");
  CHECK(text(c, "path") == "C:\\new");
  CHECK(text(c, "eq") == "x=y");
  CHECK(text(c, "key4") == "a@b");
  CHECK(text(c, "s") == "P 1");
  c.parse(R"(a="\q\t" b="tail\\")");
  CHECK(text(c, "a") == "qt");
  CHECK(text(c, "b") == "tail\\");
}

TEST_CASE("comment: JSON values keep their text") {
  Comment c;
  c.parse(R"(occupancy="_JSON {\"0\": {\"Na\": 1.0}}" x=1)");
  const CommentEntry& e = entry(c, "occupancy");
  CHECK(e.value.content == Content::json);
  CHECK(c.texts(e.value)[0] == R"({"0": {"Na": 1.0}})");
  CHECK(numbers(c, "x") == std::vector<double>{1});
}

TEST_CASE("comment: braces round what is no number stay") {
  Comment c;
  c.parse(R"(a={x y} b={"k": {"n": 1}})");
  CHECK(text(c, "a") == "{x y}");
  CHECK(text(c, "b") == R"({"k": {"n": 1}})");
}

TEST_CASE("comment: values of matrices") {
  Comment c;
  c.parse(R"(m=[[1,2],[3,4]] v="-1.5 2e3 3d-1" s=["slab","relaxed \"x\""])");
  CHECK(numbers(c, "m") == std::vector<double>{1, 2, 3, 4});
  CHECK(numbers(c, "v") == std::vector<double>{-1.5, 2000, 0.3});
  const auto texts = c.texts(entry(c, "s").value);
  REQUIRE(texts.size() == 2);
  CHECK(texts[0] == "slab");
  CHECK(texts[1] == "relaxed \"x\"");
}

TEST_CASE("comment: what is wrong is named") {
  CHECK(problem("name=\"oops") == "the quote of 'name' is not closed");
  CHECK(problem("name=\"oops\\") == "the quote of 'name' is not closed");
  CHECK(problem("name='oops") == "the quote of 'name' is not closed");
  CHECK(problem("v=[1,2") == "the bracket of 'v' is not closed");
  CHECK(problem("v=[[1,2]") == "the bracket of 'v' is not closed");
  CHECK(problem("v=[\"]\"") == "the bracket of 'v' is not closed");
  CHECK(problem("v={1 2") == "the brace of 'v' is not closed");
  CHECK(problem("=5") == "the comment has a '=' without a key before it");
  CHECK(problem("a=\"x\"y") == "the value of 'a' is followed by 'y' without a space");
  CHECK(problem("a=1 a=2") == "the key 'a' stands twice in the comment, with different values");
  CHECK(problem("a=1 a=1") == "");
  CHECK(problem("a a=1") == "the key 'a' stands twice in the comment, with different values");
}

TEST_CASE("comment: very deep or very many is bounded") {
  CHECK(problem("v=" + std::string(1'000'000, '[')) == "the bracket of 'v' is not closed");
  CHECK(problem("v=" + std::string(500'000, '[') + std::string(500'000, ']')) == "");
  std::string many;
  for (int i = 0; i < 5000; ++i) many += "k" + std::to_string(i) + "=1 ";
  CHECK(problem(many) == "the comment has more than 4096 keys");
}

TEST_CASE("comment: an object is used again") {
  Comment c;
  c.parse("a=\"x\\\"\" b=[1,2]");
  c.parse("z=7");
  CHECK(c.entries().size() == 1);
  CHECK(numbers(c, "z") == std::vector<double>{7});
  c.parse("");
  CHECK(c.entries().empty());
}
