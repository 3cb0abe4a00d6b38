#include <doctest/doctest.h>

#include <cmath>

#include "core/base/error.h"
#include "formats/byte_source.h"
#include "formats/cube.h"
#include "formats/format.h"
#include "formats/vasp.h"
#include "tests/support/files.h"
#include "tests/support/read_frames.h"

using namespace atp;
using namespace atp::test;

namespace {

ReadFrames read_vasp(std::string_view text) {
  return read_all(*open_vasp(std::make_unique<ByteSource>("v", as_bytes(text)), {}));
}

ReadFrames read_file(const char* name) { return read_all(*open_input(test::data(name), "", {})); }

std::string problem(std::string_view text) {
  try {
    const ReadFrames r = read_vasp(text);
    return r.bad.empty() ? "" : r.bad.front();
  } catch (const Error& e) {
    CHECK(e.exit() == Exit::input);
    return e.what();
  }
}

// Every length cut and some bytes flipped: frames or Errors of the input, nothing else.
void torture(const std::string& text, std::size_t step) {
  const auto attempt = [](const std::string& bad) {
    try {
      read_vasp(bad);
    } catch (const Error& e) {
      CHECK(e.exit() == Exit::input);
    }
  };
  for (std::size_t n = 1; n < text.size(); n += step) attempt(text.substr(0, n));
  for (std::size_t at = 0; at < text.size(); at += step) {
    std::string bad = text;
    bad[at] = static_cast<char>(bad[at] ^ (at % 7 == 0 ? 0x80 : 0x11));
    attempt(bad);
  }
}

const std::string kPoscar =
    "two atoms\n2.0\n1 0 0\n0 2 0\n0 0 3\nNa_pv Cl/abc\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n";

std::string vasprun(const std::string& steps) {
  return "<?xml version=\"1.0\"?>\n<modeling>\n<atominfo><array name=\"atoms\"><set><rc><c>Na</c><c>1</c></rc></set></array></atominfo>\n" + steps;
}

std::string step(const std::string& forces, const std::string& energy = "-1.5") {
  return "<calculation><scstep><energy><i name=\"e_fr_energy\">-1.0</i><i name=\"e_0_energy\">-1.25</i></energy></scstep>"
         "<structure><crystal><varray name=\"basis\"><v>2 0 0</v><v>0 2 0</v><v>0 0 2</v></varray></crystal>"
         "<varray name=\"positions\"><v>0.5 0 0</v></varray></structure><varray name=\"forces\"><v>" +
         forces + "</v></varray><energy><i name=\"e_fr_energy\">" + energy + "</i><i name=\"e_0_energy\">0.0</i></energy></calculation>\n";
}

}  // namespace

TEST_CASE("poscar: scale, symbols, direct coordinates") {
  const ReadFrames r = read_vasp(kPoscar);
  REQUIRE(r.frames.size() == 1);
  const Structure& s = r.frames[0];
  CHECK(elements(s) == std::vector<int>{11, 17});
  CHECK(positions(s) == std::vector<double>{0, 0, 0, 1, 2, 3});
  CHECK(numbers(s, Kind::builtin, "cell") == std::vector<double>{2, 0, 0, 0, 4, 0, 0, 0, 6});
  CHECK(text(s, Kind::molecule, "comment") == "two atoms");
}

TEST_CASE("poscar: comments behind its numbers and names") {
  const ReadFrames r = read_vasp("x\n1.0 ! scale\n1 0 0\n0 2 0\n0 0 3\nNa Cl ! names\n1 1 # counts\nDirect ! mode\n0 0 0\n0.5 0.5 0.5\n");
  REQUIRE(r.frames.size() == 1);
  CHECK(elements(r.frames[0]) == std::vector<int>{11, 17});
}

TEST_CASE("poscar: three scales, Cartesian, selective dynamics") {
  const Structure s = read_vasp("x\n1 2 3\n1 0 0\n0 1 0\n0 0 1\nH\n1\nSelective\ncartesian\n1 1 1 T .FALSE. F\n").frames.at(0);
  CHECK(positions(s) == std::vector<double>{1, 2, 3});
  CHECK(numbers(s, Kind::atom, "move_mask") == std::vector<double>{1, 0, 0});
  CHECK(numbers(s, Kind::builtin, "cell") == std::vector<double>{1, 0, 0, 0, 2, 0, 0, 0, 3});
}

TEST_CASE("poscar: a negative scale is a volume") {
  const ReadFrames r = read_file("vasp/POSCAR_volume_scale");
  const Structure& s = r.frames.at(0);
  CHECK(std::fabs(numbers(s, Kind::builtin, "cell")[0] - 10.41176687) < 1e-6);
  double sum = 0;
  for (const double x : positions(s)) sum += x;
  CHECK(std::fabs(sum - 254.861139479) < 1e-6);
  CHECK(elements(s)[4] == 15);
  CHECK(r.notes.contains("the file names no elements (VASP 4): taken from behind the positions"));
}

TEST_CASE("poscar: selective dynamics are along lattice vectors, and it is said where these are not x, y and z") {
  const auto read = [](const std::string& cell, const std::string& flags) {
    return read_vasp("x\n1.0\n" + cell + "H\n1\nSelective dynamics\nDirect\n0 0 0 " + flags + "\n").frames.at(0);
  };
  const std::string skew = "2 0 0\n1 2 0\n0 0 2\n", straight = "2 0 0\n0 2 0\n0 0 2\n";
  CHECK(text(read(skew, "T T F"), Kind::molecule, "move_mask_axes") == "lattice");
  CHECK_FALSE(has(read(skew, "F F F"), Kind::molecule, "move_mask_axes"));
  CHECK_FALSE(has(read(straight, "T T F"), Kind::molecule, "move_mask_axes"));
}

TEST_CASE("poscar: symbols and counts over several lines, velocities") {
  const Structure s = read_file("vasp/POSCAR_symbols_natoms_multilines").frames.at(0);
  CHECK(s.n_atoms() == 53);
  double sum = 0;
  for (const double x : positions(s)) sum += x;
  CHECK(std::fabs(sum - 696.235675106) < 1e-6);
  CHECK(has(s, Kind::builtin, "velocities"));
}

TEST_CASE("poscar: elements of VASP 4 from the comment") {
  const Structure s = read_file("vasp/BN.selective.dynamics.poscar").frames.at(0);
  CHECK(elements(s) == std::vector<int>{5, 7});
  CHECK(numbers(s, Kind::atom, "move_mask") == std::vector<double>{1, 1, 0, 0, 0, 0});
}

TEST_CASE("poscar: what is wrong is said with its line") {
  CHECK(problem("c\n1\n1 0 0\n0 1 0\n0 0 1\nH\n2\nDirect\n0 0 0\n") == "v: ends before the position of atom 1 of 2; the file is cut off");
  CHECK(problem("c\n1\n1 0 0\n0 1 0\n0 0 1\nH\n1\nDirect\n0 x 0\n").starts_with("v:9: '0 x 0' is no position"));
  CHECK(problem("c\n0\n1 0 0\n0 1 0\n0 0 1\nH\n1\nDirect\n0 0 0\n").starts_with("v:2: the scaling factor is '0'"));
  CHECK(problem("c\n1\n1 0 0\n0 1 0\n0 0 1\nH He\n99999999 9999999999\nDirect\n0 0 0\n").starts_with("v:7: '9999999999' is no number of atoms"));
  CHECK(problem("c\n1\n1 0 0\n0 1 0\n0 0 1\n1\nDirect\n0 0 0\n").starts_with("v: names no elements"));
}

TEST_CASE("poscar: cut and flipped") { torture(kPoscar, 1); }

TEST_CASE("chgcar: the grid is left out and said so") {
  const std::string text = kPoscar + "\n 2 2 1\n 1.0 2.0 3.0 4.0\n";
  CHECK(sniff_chgcar(text) == 4);
  CHECK(sniff_chgcar(kPoscar) == 0);
  const ReadFrames r = read_vasp(text);
  CHECK(r.frames.size() == 1);
  CHECK(r.notes.contains("the grid of 2 x 2 x 1 values is left out"));
}

TEST_CASE("xdatcar: one of VASP 4 is not taken for a POSCAR") {
  const TempDir dir;
  write_text(dir / "XDATCAR", "x\n1.0\n2 0 0\n0 2 0\n0 0 2\nH\n1\nKonfig=       1\n0.5 0.5 0.5\n");
  CHECK_THROWS_WITH_AS(open_input(dir / "XDATCAR", "", {}), doctest::Contains("is of no format atp knows"), Error);
}

TEST_CASE("xdatcar: every configuration") {
  const ReadFrames r = read_file("vasp/XDATCAR_6");
  CHECK(r.frames.size() == 4);
  double sum = 0;
  for (const Structure& s : r.frames) {
    for (const double x : positions(s)) sum += x;
  }
  CHECK(std::fabs(sum - 5.72186275891) < 1e-6);
}

TEST_CASE("xdatcar: a run that goes on keeps its whole configurations") {
  const std::string whole = "x\n1.0\n1 0 0\n0 2 0\n0 0 3\nNa\n2\nDirect configuration= 1\n0 0 0\n0 0 0.5\nDirect configuration= 2\n0 0 0\n0 0 0.5\n";
  CHECK(read_vasp(whole).frames.size() == 2);
  for (const std::size_t less : {8U, 9U, 20U}) {
    const ReadFrames r = read_vasp(whole.substr(0, whole.size() - less));
    CHECK(r.frames.size() == 1);
    CHECK(r.notes.contains("v is cut off: its whole steps are kept"));
  }
  CHECK(problem(whole.substr(0, 59)).find("cut off") != std::string::npos);
}

TEST_CASE("poscar, xdatcar, cube: files that end within their last number") {
  const std::string head = "x\n1.0\n1 0 0\n0 2 0\n0 0 3\nNa\n4\n";
  const std::string rows = "0.000 0.000 0.125\n0.000 0.000 0.250\n0.000 0.000 0.375\n0.000 0.000 0.500";
  const std::string poscar = head + "Direct\n" + rows;
  CHECK(read_vasp(poscar).notes.empty());  // no newline, and all digits
  CHECK(problem(poscar.substr(0, poscar.size() - 1)) ==
        "v:12: the file ends within its last number '0.50', the lines before have more digits; copy the file again, or end it with a newline if it is whole");
  const ReadFrames doubtful = read_vasp(kPoscar.substr(0, kPoscar.size() - 2));
  CHECK(doubtful.frames.size() == 1);
  CHECK(doubtful.notes.contains("v:10 ends without a newline within its last number '0.': it may have been cut off"));
  const std::string with_velocities = poscar + "\n\n" + rows;
  CHECK(read_vasp(with_velocities).notes.empty());
  CHECK(problem(with_velocities.substr(0, with_velocities.size() - 2)).find("v:17: the file ends within its last number '0.5'") == 0);
  const std::string xdatcar = head + "Direct configuration= 1\n" + rows + "\nDirect configuration= 2\n" + rows;
  CHECK(read_vasp(xdatcar).frames.size() == 2);
  const ReadFrames cut = read_vasp(xdatcar.substr(0, xdatcar.size() - 1));
  CHECK(cut.frames.size() == 1);
  CHECK(cut.notes.contains("v is cut off: its whole steps are kept"));
  const std::string cube = "a\nb\n 1 0 0 0\n 2 1.0 0 0\n 2 0 1.0 0\n 2 0 0 1.0\n 8 8.0 1.0 0 0.12";
  CHECK_THROWS_WITH_AS(read_all(*open_cube(std::make_unique<ByteSource>("c", as_bytes(cube)), {})), "c:7: the file ends within atom 0 of 1, before its grid; copy the file again", Error);
}

TEST_CASE("outcar: energy, forces, stress with the sign turned") {
  const Structure s = read_file("vasp/OUTCAR_5").frames.at(0);
  CHECK(f64(s, Kind::builtin, "energy") == -347.41144759);
  CHECK(f64(s, Kind::molecule, "free_energy") == -347.41144759);
  const auto stress = numbers(s, Kind::builtin, "stress");
  CHECK(std::fabs(stress[0] + 0.126359826608) < 1e-8);
  CHECK(std::fabs(stress[5] - 0.00755809930241) < 1e-8);
  CHECK(numbers(s, Kind::builtin, "cell")[5] == -7.8519e-05);
}

TEST_CASE("outcar: columns that run together, a run that was cut off") {
  const std::string head =
      " vasp.6.3.0\n   TITEL  = PAW_PBE H_h 01Jan2001\n   ions per type =               1\n"
      "      direct lattice vectors                 reciprocal lattice vectors\n"
      "   -10.370000000-123.400000000  0.000000000     0.1 0 0\n  0 5 0  0 0.1 0\n  0 0 5  0 0 0.1\n";
  const std::string one =
      " POSITION                                       TOTAL-FORCE (eV/Angst)\n ------\n  -10.37000-123.40000  0.00000   -1.000000-2.000000  3.000000\n ------\n"
      "  free  energy   TOTEN  =        -1.50000000 eV\n\n  energy  without entropy=       -1.50000000  energy(sigma->0) =       -1.75000000\n";
  const ReadFrames r = read_vasp(head + one + one + one.substr(0, 160));
  REQUIRE(r.frames.size() == 2);
  CHECK(positions(r.frames[1]) == std::vector<double>{-10.37, -123.4, 0});
  CHECK(numbers(r.frames[1], Kind::builtin, "forces") == std::vector<double>{-1, -2, 3});
  CHECK(numbers(r.frames[1], Kind::builtin, "cell")[1] == -123.4);
  CHECK(f64(r.frames[1], Kind::builtin, "energy") == -1.75);
  CHECK(r.notes.contains("v is cut off: its whole steps are kept"));
  CHECK(problem(head).find("holds no step with forces and energy") != std::string::npos);
  // Cut within the digits of the energy: -1.75 would read as -1.
  CHECK(read_vasp(head + one + one.substr(0, one.size() - 9)).frames.size() == 1);
  // Cut within the lattice vectors of the third step, or a number of its table.
  const std::string cell = "      direct lattice vectors\n 5 0 0 0.2 0 0\n 0 5";
  CHECK(read_vasp(head + one + one + cell).frames.size() == 2);
  CHECK(read_vasp(head + one + one + one.substr(0, 135)).frames.size() == 2);
  torture(head + one, 3);

  // A number that has no room is of its step alone.
  std::string stars = one, no_energy = one, no_stress = "  in kB  ***************************\n" + one;
  stars.replace(stars.find("-1.000000"), 9, "*********");
  no_energy.replace(no_energy.find("-1.50000000"), 11, "***********");
  const ReadFrames some = read_vasp(head + one + stars + no_energy + no_stress);
  CHECK(some.frames.size() == 2);
  REQUIRE(some.bad.size() == 2);
  CHECK(some.bad[0].find("is no position with a force (step 1, atom 0)") != std::string::npos);
  CHECK(some.bad[1].find("holds no energy") != std::string::npos);
  CHECK(some.notes.contains("the stress of some steps is no number (***) and left out there"));

  // Steps of the force field that VASP learns are none of VASP's own.
  std::string learned = one;
  learned.replace(learned.find("(eV/Angst)"), 10, "(eV/Angst) (ML)");
  learned.replace(learned.find("energy   TOTEN"), 14, "energy ML TOTEN");
  const ReadFrames both = read_vasp(head + learned + one + learned);
  CHECK(both.frames.size() == 1);
  CHECK(both.notes.contains("v: 2 steps of VASP's machine-learned force field are left out"));
  CHECK(problem(head + learned).find("holds 1 steps of VASP's machine-learned force field") != std::string::npos);
}

TEST_CASE("vasprun: every step, the energy by the last electronic cycle") {
  const ReadFrames r = read_file("vasp/relaxation_vasprun.xml.gz");
  REQUIRE(r.frames.size() == 3);
  CHECK(std::fabs(f64(r.frames[0], Kind::builtin, "energy") + 1.92002016) < 1e-9);
  CHECK(std::fabs(f64(r.frames[2], Kind::builtin, "energy") + 1.92459954) < 1e-9);
  CHECK(std::fabs(numbers(r.frames[0], Kind::builtin, "stress")[0] - 0.00618327459744) < 1e-8);
  const ReadFrames own = read_vasp(vasprun(step("1 2 3") + "</modeling>"));
  CHECK(f64(own.frames.at(0), Kind::builtin, "energy") == -1.75);
  CHECK(positions(own.frames[0]) == std::vector<double>{1, 0, 0});
}

TEST_CASE("vasprun: a file that is cut off keeps its whole steps") {
  const std::string whole = vasprun(step("1 2 3") + step("4 5 6"));
  const ReadFrames r = read_vasp(whole + step("7 8 9").substr(0, 200));
  CHECK(r.frames.size() == 2);
  CHECK(r.notes.contains("v is cut off: its whole steps are kept"));
  CHECK(problem(vasprun(step("1 2 3").substr(0, 200))).find("the file is cut off") != std::string::npos);
}

TEST_CASE("vasprun: a bad step is passed over, entities and document types are not read") {
  const ReadFrames r = read_vasp(vasprun(step("1 2 3") + step("1 2 3", "*****") + step("4 5 6") + "</modeling>"));
  CHECK(r.frames.size() == 2);
  REQUIRE(r.bad.size() == 1);
  CHECK(r.bad[0].find("step 1 has no energy that can be read") != std::string::npos);
  CHECK(problem(vasprun(step("1 2 3") + step("1 ******** 3") + "</modeling>")).find("step 1 has forces that are no numbers (***)") != std::string::npos);
  CHECK(problem("<!DOCTYPE x [<!ENTITY a \"aaaa\">]>\n<modeling></modeling>").find("document type") != std::string::npos);
  std::string deep = "<modeling>";
  for (int i = 0; i < 100; ++i) deep += "<a>";
  CHECK(problem(deep).find("more than 64 levels") != std::string::npos);
  torture(vasprun(step("1 2 3") + "</modeling>"), 3);
}

namespace {

// The numbers of the frames that are marked.
std::vector<std::size_t> marked(const ReadFrames& r) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < r.frames.size(); ++i) {
    if (!has(r.frames[i], Kind::molecule, "scf_unconverged")) continue;
    CHECK(i64(r.frames[i], Kind::molecule, "scf_unconverged") == 1);
    out.push_back(i);
  }
  return out;
}

using Marked = std::vector<std::size_t>;

std::string cycle(bool whole) {
  const std::string parts = whole ? "<i name=\"alphaZ\">3.5</i><i name=\"ewald\">-9.5</i>" : "";
  return "<scstep><time name=\"dav\">1 1</time><energy>" + parts + "<i name=\"e_fr_energy\">-1.0</i><i name=\"e_wo_entrp\">-1.0</i><i name=\"e_0_energy\">-1.25</i></energy></scstep>";
}

// A run whose steps have so many electronic cycles each.
std::string vasprun_of(const std::string& parameters, std::initializer_list<int> cycles) {
  std::string all = parameters;
  for (const int n : cycles) {
    std::string one = step("1 2 3");
    std::string loop;
    for (int i = 1; i < n; ++i) loop += cycle(i == 1);
    one.insert(one.find("<structure>"), loop);  // behind the one that is there
    all += one;
  }
  return vasprun(all + "</modeling>");
}

std::string nelm(const std::string& value, const std::string& more = "") {
  return "<parameters><separator name=\"electronic\">" + more + "<separator name=\"electronic convergence\"><i type=\"int\" name=\"NELM\">" + value +
         "</i></separator></separator><separator name=\"response functions\"><i type=\"int\" name=\"NELM\"> 1</i></separator></parameters>";
}

constexpr const char* kOutcarHead =
    " vasp.5.4.4\n   NELM = 3\n   TITEL  = PAW_PBE H_h 01Jan2001\n   NELM   =      4;   NELMIN=  2; NELMDL= -5     # of ELM steps\n"
    "   EDIFF  = 0.1E-03   stopping-criterion for ELM\n   EDIFFG = 0.5E+03   stopping-criterion for IOM\n   IALGO  =     38    algorithm\n"
    "   ions per type =               1\n      direct lattice vectors                 reciprocal lattice vectors\n"
    "  5 0 0  0.1 0 0\n  0 5 0  0 0.1 0\n  0 0 5  0 0 0.1\n";
constexpr const char* kReached = "------------------------ aborting loop because EDIFF is reached ----------------------------------------\n";
constexpr const char* kNotReached = "------------------------ aborting loop EDIFF was not reached (unconverged)  ----------------------------\n";

// A step whose loop ends after so many cycles, with that change, and in those words.
std::string outcar_step(int cycles, const std::string& change, const std::string& words) {
  std::string out;
  for (int i = 1; i <= cycles; ++i) {
    out += "--------------------------------------- Iteration      1(" + std::string(i < 10 ? "   " : "  ") + std::to_string(i) + ")  ---------------------------------------\n";
    out += " total energy-change (2. order) :" + (i == cycles ? change : "-0.1578873E+00  (-0.1575926E+00)") + "\n  free energy    TOTEN  =        -1.25000000 eV\n";
  }
  return out + words +
         " POSITION                                       TOTAL-FORCE (eV/Angst)\n ------\n  0.0 0.0 0.0   1.0 2.0 3.0\n ------\n"
         "  free  energy   TOTEN  =        -1.50000000 eV\n\n  energy  without entropy=       -1.50000000  energy(sigma->0) =       -1.75000000\n";
}

constexpr const char* kSmall = "-0.1578873E-05  (-0.1575926E-05)";
constexpr const char* kLarge = "-0.1578873E-01  (-0.1575926E-05)";

}  // namespace

TEST_CASE("vasprun: steps whose electronic loop ends at NELM are marked and counted") {
  const ReadFrames r = read_vasp(vasprun_of("<incar><i type=\"int\" name=\"NELM\"> 3</i></incar>" + nelm("     5"), {4, 5, 2, 5}));
  REQUIRE(r.frames.size() == 4);
  CHECK(marked(r) == Marked{1, 3});
  CHECK(r.notes.contains("v: 2 of 4 steps did not converge electronically (steps 1, 3)"));
  CHECK(f64(r.frames[1], Kind::builtin, "energy") == -1.75);  // kept as it is
  const ReadFrames many = read_vasp(vasprun_of(nelm("2"), {2, 2, 2, 2, 2, 2}));
  CHECK(many.notes.contains("v: 6 of 6 steps did not converge electronically (steps 0, 1, 2, 3, 4, ...)"));
  const ReadFrames one = read_vasp(vasprun_of(nelm("2"), {2}));
  CHECK(one.notes.contains("v: 1 of 1 step did not converge electronically (step 0)"));
  CHECK(marked(read_file("vasp/relaxation_vasprun.xml.gz")).empty());
  CHECK(read_file("vasp/relaxation_vasprun.xml.gz").notes.empty());
}

TEST_CASE("vasprun: NELM is the default where it is not there, and says nothing where it is no number of steps") {
  CHECK(marked(read_vasp(vasprun_of("", {59, 60, 61}))) == Marked{1});
  CHECK(marked(read_vasp(vasprun_of("<incar><i name=\"NELM\">7</i></incar>", {6, 7}))) == Marked{1});
  for (const char* odd : {"0", "-5", "x", "", "******", "99999999999999999999999", "9223372036854775807", "1e3", "5 5"}) {
    CAPTURE(odd);
    const bool as_first = std::string_view(odd) == "5 5";
    CHECK(marked(read_vasp(vasprun_of(nelm(odd), {1, 60}))) == (as_first ? Marked{1} : Marked{}));
  }
  // A step without any cycle: of a force field that VASP learns.
  std::string none = step("1 2 3");
  none.erase(none.find("<scstep>"), none.find("</scstep>") + 9 - none.find("<scstep>"));
  CHECK(marked(read_vasp(vasprun(nelm("1") + none + "</modeling>"))).empty());
}

TEST_CASE("vasprun: what is no loop is not called unconverged") {
  const auto algorithm = [](const std::string& name, const std::string& value) { return "<i name=\"" + name + "\">" + value + "</i>"; };
  CHECK(marked(read_vasp(vasprun_of(nelm("1", algorithm("IALGO", " 38")), {1}))) == Marked{0});
  for (const char* once : {" 2", "3", "4", "90"}) CHECK(marked(read_vasp(vasprun_of(nelm("1", algorithm("IALGO", once)), {1}))).empty());
  for (const char* once : {" None", "Eigenval ", "SUBROT", "Exact"}) CHECK(marked(read_vasp(vasprun_of(nelm("1", algorithm("ALGO", once)), {1}))).empty());
  CHECK(marked(read_vasp(vasprun_of(nelm("3", algorithm("ALGO", "Exact")), {3}))) == Marked{0});  // a loop of diagonalizations
}

TEST_CASE("vasprun: the loops that respond to a field are not those of the ground state") {
  const auto with_response = [](int ground, const std::string& parameters) {
    std::string text = vasprun_of(nelm("6", parameters), {1});
    std::string loop;
    for (int i = 1; i < ground; ++i) loop += cycle(i == ground - 1);
    for (int i = 0; i < 9; ++i) loop += cycle(false);
    return text.insert(text.find("<structure>"), loop);
  };
  const std::string field = "<i type=\"logical\" name=\"LEPSILON\"> T  </i>", displaced = "<i type=\"int\" name=\"IBRION\">     8</i>";
  CHECK(marked(read_vasp(with_response(5, field))).empty());
  CHECK(marked(read_vasp(with_response(5, displaced))).empty());
  CHECK(marked(read_vasp(with_response(6, field))) == Marked{0});
  CHECK(marked(read_vasp(with_response(5, "<i type=\"logical\" name=\"LEPSILON\"> F  </i>"))) == Marked{0});
}

TEST_CASE("vasprun: cycles and parameters in odd places, cut and flipped") {
  const std::string good = vasprun_of(nelm("3"), {2, 3});
  std::string nested = good;
  nested.insert(nested.find("<scstep>") + 8, "<scstep><scstep></scstep></scstep><scstep/>");  // within one that counts once
  CHECK(marked(read_vasp(nested)) == Marked{1});
  CHECK(marked(read_vasp(vasprun_of(nelm("3") + "<scstep/><scstep/><scstep/>", {2}))).empty());
  CHECK(marked(read_vasp(vasprun_of("<parameters><i name=\"NELM\"><i name=\"NELM\">2</i></i></parameters>", {2}))) == Marked{0});
  CHECK(marked(read_vasp(vasprun_of("<separator name=\"response functions\"/>" + nelm("3"), {3}))) == Marked{0});
  torture(good, 3);
  // The count is told although the run was cut off, and although its last step is a bad one.
  const ReadFrames cut = read_vasp(good.substr(0, good.size() - 60));
  CHECK(cut.notes.contains("v is cut off: its whole steps are kept"));
  const ReadFrames bad = read_vasp(good.substr(0, good.size() - 11) + step("1 2 3", "*****") + "</modeling>");
  CHECK(bad.bad.size() == 1);
  CHECK(bad.notes.contains("v: 1 of 2 steps did not converge electronically (step 1)"));
}

TEST_CASE("outcar: steps that end without EDIFF, by VASP's words, and by the numbers where its words are always the same") {
  const ReadFrames r = read_vasp(kOutcarHead + outcar_step(3, kSmall, kReached) + outcar_step(4, kLarge, kNotReached) + outcar_step(4, kLarge, kReached) +
                                 outcar_step(4, kSmall, kReached) + outcar_step(2, kLarge, kReached) + outcar_step(4, "*************  (-0.1E-05)", kReached) +
                                 outcar_step(2, kSmall, "---- aborting loop because hard stop was set ----\n"));
  REQUIRE(r.frames.size() == 7);
  CHECK(marked(r) == Marked{1, 2, 5, 6});
  CHECK(r.notes.contains("v: 4 of 7 steps did not converge electronically (steps 1, 2, 5, 6)"));
  CHECK(marked(read_file("vasp/OUTCAR_5")).empty());
  // What was said of a step that is left out is not said of the next one.
  std::string learned = outcar_step(4, kLarge, kNotReached);
  learned.replace(learned.find("(eV/Angst)"), 10, "(eV/Angst) (ML)");
  const ReadFrames both = read_vasp(kOutcarHead + learned + outcar_step(2, kSmall, kReached));
  CHECK(both.frames.size() == 1);
  CHECK(marked(both).empty());
  CHECK(both.notes.contains("v: 1 steps of VASP's machine-learned force field are left out"));
}

TEST_CASE("outcar: parameters that are missing or odd, single shots") {
  const auto with = [](const std::string& old, const std::string& text) {
    std::string head = kOutcarHead;
    return head.replace(head.find(old), old.size(), text);
  };
  const std::string told = "   NELM   =      4;   NELMIN=  2; NELMDL= -5     # of ELM steps\n", plain = "   NELM = 3\n";
  // INCAR's alone; the default; none that is a number of steps.
  CHECK(marked(read_vasp(with(told, "") + outcar_step(2, kLarge, kReached) + outcar_step(3, kLarge, kReached))) == Marked{1});
  std::string bare = with(told, "");
  bare.erase(bare.find(plain), plain.size());
  CHECK(marked(read_vasp(bare + outcar_step(4, kLarge, kReached) + outcar_step(60, kLarge, kReached))) == Marked{1});
  for (const char* odd : {"0", "-4", "many", "*****", "99999999999999999999", ""}) {
    CAPTURE(odd);
    const std::string head = with("     4;", odd + std::string(";"));
    CHECK(marked(read_vasp(head + outcar_step(4, kLarge, kReached) + outcar_step(60, kLarge, kReached) + outcar_step(2, kLarge, kNotReached))) == Marked{2});
  }
  CHECK(marked(read_vasp(with("0.1E-03", "*******") + outcar_step(4, kSmall, kReached))) == Marked{0});
  CHECK(marked(read_vasp(with("    38 ", "     3 ") + outcar_step(4, kLarge, kNotReached))).empty());
  // Numbers that have no room are counted.
  std::string stars = outcar_step(4, kLarge, kReached);
  for (const char* n : {"(   1)", "(   2)", "(   3)", "(   4)"}) stars.replace(stars.find(n), 6, "(****)");
  CHECK(marked(read_vasp(kOutcarHead + stars)) == Marked{0});
  torture(kOutcarHead + outcar_step(4, kLarge, kNotReached), 3);
}

TEST_CASE("cube: bohr to angstrom, orbital files") {
  const std::string text = "a\nb\n -1 0 0 0\n 2 1.0 0 0\n 2 0 1.0 0\n 2 0 0 1.0\n 8 8.0 1.0 0 0\n 1 21\n 1 2 3 4\n";
  CHECK(sniff_cube(text) == 3);
  const ReadFrames r = read_all(*open_cube(std::make_unique<ByteSource>("c", as_bytes(text)), {}));
  REQUIRE(r.frames.size() == 1);
  CHECK(std::fabs(positions(r.frames[0])[0] - 0.529177210903) < 1e-12);
  CHECK(std::fabs(numbers(r.frames[0], Kind::builtin, "cell")[0] - 2 * 0.529177210903) < 1e-12);
  CHECK(r.notes.contains("the grid of 2 x 2 x 2 values is left out"));
}
