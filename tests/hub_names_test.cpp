#include <doctest/doctest.h>

#include <map>

#include "core/base/error.h"
#include "core/hub/client.h"
#include "core/hub/environment.h"
#include "core/hub/names.h"
#include "core/hub/url.h"
#include "tests/support/files.h"

using namespace atp;

TEST_CASE("an address is taken apart and put together again") {
  const auto url = Url::parse("HTTPS://Hub.Example.org:8443/a/b%20c?x=1&y=/z#part");
  REQUIRE(url);
  CHECK(url->tls);
  CHECK(url->host == "hub.example.org");
  CHECK(url->port == 8443);
  CHECK(url->target == "/a/b%20c?x=1&y=/z");
  CHECK(url->text() == "https://hub.example.org:8443/a/b%20c?x=1&y=/z");
  CHECK(url->without_query() == "https://hub.example.org:8443/a/b%20c");
  CHECK(Url::parse("http://h/é b?ü")->target == "/%C3%A9%20b?%C3%BC");
  CHECK(Url::parse("http://h")->target == "/");
  CHECK(Url::parse("http://h?q")->target == "/?q");
  CHECK(Url::parse("http://[::1]:8080/x")->host == "[::1]");
  CHECK(Url::parse("http://[::1]:8080/x")->port == 8080);
}

TEST_CASE("what is no plain http address is none") {
  for (const char* text : {"", "ftp://h/x", "file:///etc/passwd", "https:/h", "https://", "https:///x", "https://user:pw@h/x", "https://h:0/", "https://h:99999/", "https://h:x/",
                           "http://a b/", "http://h/a\nb", "http://h\\evil/", "http://h/a\\b", "//h/x", "javascript:1"}) {
    CHECK_MESSAGE(!Url::parse(text), text);
  }
}

TEST_CASE("a token's origin is scheme, host and port") {
  const Url own = *Url::parse("https://hub.org/x");
  CHECK(own.same_origin(*Url::parse("https://HUB.org:443/y?z")));
  for (const char* other : {"http://hub.org/", "https://hub.org:444/", "https://hub.org.evil.com/", "https://www.hub.org/", "http://hub.org:443/"}) {
    CHECK_MESSAGE(!own.same_origin(*Url::parse(other)), other);
  }
}

TEST_CASE("references are resolved as browsers do") {
  const Url from = *Url::parse("https://h.org/a/b?q=1");
  const auto to = [&](const char* reference) { return from.resolve(reference) ? from.resolve(reference)->text() : "nothing"; };
  CHECK(to("/x?y") == "https://h.org/x?y");
  CHECK(to("x/y") == "https://h.org/a/x/y");
  CHECK(to("../../x/./y/../z?a/../b") == "https://h.org/x/z?a/../b");
  CHECK(to("/x/..") == "https://h.org/");
  CHECK(to("/x/y/.") == "https://h.org/x/y/");
  CHECK(to("?z") == "https://h.org/a/b?z");
  CHECK(to("//other.org/x") == "https://other.org/x");
  CHECK(to("http://other.org/x") == "http://other.org/x");
  CHECK(to("") == "nothing");
  CHECK(to("ftp://x/y") == "nothing");
  CHECK(to("data:x") == "nothing");
  HttpAnswer answer;
  answer.status = 302;
  answer.headers = {{"location", "http://h.org/a"}};
  CHECK_THROWS_WITH_AS(redirect_target(from, answer, "x"), "x: https://h.org redirects from https to http, which is not followed", Error);
}

TEST_CASE("percent encoding") {
  CHECK(percent_encoded("refs/pr/1") == "refs%2Fpr%2F1");
  CHECK(percent_encoded("a/b c+é", "/") == "a/b%20c%2B%C3%A9");
  CHECK(percent_decoded("a%2Fb") == "a/b");
  CHECK(!percent_decoded("a%2"));
  CHECK(!percent_decoded("a%zz"));
}

TEST_CASE("hub addresses") {
  HubAddress a = parse_hub_address("hf://LeMaterial/Atompack/omat/train");
  CHECK(a.repo == "LeMaterial/Atompack");
  CHECK(a.revision == "main");
  CHECK(a.path == "omat/train");
  a = parse_hub_address("hf://datasets/o/n@refs%2Fpr%2F7/x/");
  CHECK(a.revision == "refs/pr/7");
  CHECK(a.path == "x");
  CHECK(a.text() == "hf://o/n@refs%2Fpr%2F7/x");
  CHECK(parse_hub_address("hf://o/n@refs/pr/7/x").revision == "refs/pr/7");
  CHECK(parse_hub_address("hf://o/n@v1.0").path.empty());
  for (const char* text : {"hf://", "hf://o", "hf://o/", "hf://models/o/n", "hf://o/n@/x", "hf://o/n@a%2/x", "hf://o/n@../x", "hf://o/n/../x", "hf://o/n@refs", "hf://-o/n", "hf://o/n\\x/y"}) {
    CHECK_THROWS_AS(parse_hub_address(text), Error);
  }
}

TEST_CASE("pages of the Hub show datasets") {
  const auto shown = [](const char* path) { return address_of_page(path).value_or(HubAddress{"none", "main", ""}).text(); };
  CHECK(shown("/datasets/o/n") == "hf://o/n");
  CHECK(shown("/datasets/o/n/tree/v%2F1/a%20b/c/") == "hf://o/n@v%2F1/a b/c");
  CHECK(shown("/datasets/o/n/discussions/7") == "hf://o/n");
  for (const char* other : {"", "/", "/datasets", "/datasets/o", "/datasets/o/n/resolve/main/x.atp", "/datasets/o/n/raw/main/x", "/o/n", "/api/datasets/o/n", "/datasets/..//n"}) {
    CHECK_MESSAGE(shown(other) == "hf://none", other);
  }
}

TEST_CASE("repository names") {
  for (const char* good : {"n", "o/n", "LeMaterial/Atompack", "a.b/c-d_e", "0/1"}) CHECK_MESSAGE(repo_problem(good).empty(), good);
  for (const char* bad : {"", "/", "o/", "/n", "a/b/c", "a--b/c", "a/b..c", "a/.b", "a/b-", "a/b.git", "a/b c", "a/é", ".."}) CHECK_MESSAGE(!repo_problem(bad).empty(), bad);
  CHECK(!repo_problem(std::string(97, 'a')).empty());
  CHECK(cache_folder_name("o/n") == "datasets--o--n");
}

TEST_CASE("paths of a server are not trusted") {
  for (const char* good : {"a", "a/b.atp", "ä/ b", "..a", "a.."}) CHECK_MESSAGE(path_problem(good).empty(), good);
  for (const std::string bad : {"", "/a", "a//b", "a/", "./a", "a/../b", "..", "a\\b", "C:/x", "a\nb"}) {
    CHECK_MESSAGE(!path_problem(bad).empty(), bad);
  }
  CHECK(!path_problem(std::string("a\0b", 3)).empty());
  CHECK(!path_problem(std::string(256, 'a')).empty());
  CHECK(cleaned_path(" /a/./b/ ") == "a/b");
  CHECK(cleaned_path("/") == "");
  CHECK_THROWS_AS(cleaned_path("a/../b"), Error);
}

TEST_CASE("what belongs to a dataset") {
  CHECK(is_dataset_part("omat/train/0.atp", "omat"));
  CHECK(is_dataset_part("omat/train/manifest.json", "omat/train"));
  CHECK(is_dataset_part("manifest.json", ""));
  CHECK(is_dataset_part("x.atp", "x.atp"));
  CHECK(is_dataset_part("raw/in.xyz", "raw/in.xyz"));  // named, it is what is meant
  CHECK(!is_dataset_part("omat2/0.atp", "omat"));
  CHECK(shown_address("https://h:1/a/b.atp?Signature=x&y=/@#z") == "https://h:1/a/b.atp");
  CHECK(shown_address("http://user:secret@h/a@b.atp") == "http://h/a@b.atp");
  CHECK(shown_address("https://h?x") == "https://h");
  CHECK(shown_address("hf://o/n/a?b") == "hf://o/n/a?b");
  CHECK(shown_address("a?b") == "a?b");
  CHECK(!is_dataset_part("omat/README.md", "omat"));
  CHECK(!is_dataset_part("omat/xmanifest.json", ""));
}

namespace {

HubEnvironment environment(std::map<std::string, std::string> variables) {
  variables.try_emplace("HOME", "/home/u");
  return read_environment([variables](const char* name) {
    const auto at = variables.find(name);
    return at == variables.end() ? nullptr : at->second.c_str();
  });
}

}  // namespace

TEST_CASE("the environment is read as huggingface_hub reads it") {
  HubEnvironment e = environment({});
  CHECK(e.cache == "/home/u/.cache/huggingface/hub");
  CHECK(e.endpoint.text() == "https://huggingface.co/");
  CHECK(e.at("/api/x").text() == "https://huggingface.co/api/x");
  CHECK(!e.offline);
  CHECK(e.symlinks);
  CHECK(environment({{"XDG_CACHE_HOME", "/c"}}).cache == "/c/huggingface/hub");
  CHECK(environment({{"XDG_CACHE_HOME", "/c"}, {"HF_HOME", "~/hf"}}).cache == "/home/u/hf/hub");
  CHECK(environment({{"HOME", ""}}).cache != "/.cache/huggingface/hub");  // as the system knows the user
  CHECK(environment({{"HF_HOME", "$X/${Y}z"}, {"X", "/a"}, {"Y", "b"}}).cache == "/a/bz/hub");
  CHECK(environment({{"HUGGINGFACE_HUB_CACHE", "/old"}}).cache == "/old");
  CHECK(environment({{"HUGGINGFACE_HUB_CACHE", "/old"}, {"HF_HUB_CACHE", "/new/"}}).cache == "/new");
  CHECK(environment({{"HF_ENDPOINT", "http://mirror:8080/hub/"}}).at("/api").text() == "http://mirror:8080/hub/api");
  CHECK(environment({{"HF_HUB_OFFLINE", "yes"}}).offline);
  CHECK(environment({{"TRANSFORMERS_OFFLINE", "1"}}).offline);
  CHECK(!environment({{"HF_HUB_OFFLINE", "0"}}).offline);
  CHECK(environment({{"HF_HUB_ETAG_TIMEOUT", "2.5"}}).metadata_timeout == 2.5);
  CHECK_THROWS_AS(environment({{"HF_HUB_ETAG_TIMEOUT", "soon"}}), Error);
  CHECK_THROWS_AS(environment({{"HF_HUB_DOWNLOAD_TIMEOUT", "nan"}}), Error);
  CHECK_THROWS_AS(environment({{"HF_ENDPOINT", "huggingface.co"}}), Error);
}

TEST_CASE("where the token comes from") {
  const test::TempDir folder;
  test::write_text(folder / "token", " hf_file \r\n");
  const std::string file = folder / "token";
  CHECK(environment({{"HF_TOKEN", "hf_a\n"}, {"HUGGING_FACE_HUB_TOKEN", "hf_b"}, {"HF_TOKEN_PATH", file}}).token == "hf_a");
  CHECK(environment({{"HF_TOKEN", " "}, {"HUGGING_FACE_HUB_TOKEN", "hf_b"}}).token == "hf_b");
  CHECK(environment({{"HF_TOKEN_PATH", file}}).token == "hf_file");
  CHECK(environment({{"HF_HOME", folder.path().string()}}).token == "hf_file");
  CHECK(environment({{"HF_TOKEN", "hf_a"}, {"HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"}}).token.empty());
  CHECK_THROWS_WITH_AS(environment({{"HF_TOKEN", "hf a"}}), "HF_TOKEN: holds no token; a token is one word of letters and digits, as hf_...", Error);
}
