import { describe, expect, it } from "vitest";
import type { Json, JsonObject } from "../../lib/json.ts";
import { compile, EXPRESSION_CHARS_MAX, type ExpressionFault } from "./compile.ts";

function value(expression: string, bindings: JsonObject = {}): Json {
  const compiled = compile(expression);
  if (!compiled.ok) throw new Error(compiled.fault.message);
  const result = compiled.evaluate(bindings);
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

function faultOf(expression: string, bindings: JsonObject = {}): ExpressionFault {
  const compiled = compile(expression);
  if (!compiled.ok) return compiled.fault;
  const result = compiled.evaluate(bindings);
  if (result.ok) throw new Error(`gave ${JSON.stringify(result.value)}`);
  return result.error;
}

const order = { total: 12.5, count: 3, tags: ["new", "vip"], customer: { name: "Ada", age: null } };

describe("what an expression can say", () => {
  it.each<[string, Json]>([
    ["order.total > 10 && 'vip' in order.tags", true],
    ["order.count == 3", true],
    ["order.count + 1", 4],
    ["order.count * 1.5", 4.5],
    ["order.count / 2", 1.5],
    ["order.count % 2 == 1", true],
    ["order.tags[order.count - 2]", "vip"],
    ["order.customer.name + '!'", "Ada!"],
    ["has(order.customer.name) && !has(order.customer.phone)", true],
    ["order.customer.age == null ? 'unknown' : 'known'", "unknown"],
    ["order.tags.map(t, t.upperAscii())", ["NEW", "VIP"]],
    ["order.tags.filter(t, t.startsWith('v'))", ["vip"]],
    ["order.tags.map(t, t != 'new', size(t))", [3]],
    ["order.tags.all(t, size(t) == 3)", true],
    ["order.tags.exists(t, t == 'vip')", true],
    ["order.tags.exists_one(t, t == 'vip')", true],
    ["[[1, 2], [3]].map(l, l.map(x, x * 2))", [[2, 4], [6]]],
    ["order.tags.join(', ')", "new, vip"],
    ["'a-b-c'.split('-')", ["a", "b", "c"]],
    ["'a-b-c'.replace('-', '+')", "a+b+c"],
    ["'abc'.substring(1)", "bc"],
    ["'order-17'.matches('^order-[0-9]+$')", true],
    ["{'id': order.count, 'list': order.tags + ['x']}", { id: 3, list: ["new", "vip", "x"] }],
    ["timestamp('2026-01-02T03:04:05Z').getFullYear()", 2026],
    ["int('42') + 1", 43],
    ["string(order.count)", "3"],
    ["order.customer.map(k, k)", ["name", "age"]],
  ])("%s", (expression, expected) => {
    expect(value(expression, { order })).toEqual(expected);
  });

  it("gives a new list each time, also of a loop that is evaluated twice", () => {
    const compiled = compile("l.map(x, x + 1)");
    if (!compiled.ok) throw new Error("refused");
    const first = compiled.evaluate({ l: [1, 2] });
    expect(compiled.evaluate({ l: [5] })).toEqual({ ok: true, value: [6] });
    expect(first).toEqual({ ok: true, value: [2, 3] });
  });

  it("reads the keys of a map that are called like parts of every object", () => {
    const x: JsonObject = JSON.parse('{"__proto__": 1, "constructor": 2}');
    expect(value("x['__proto__'] + x.constructor", { x })).toBe(3);
    expect(Object.keys(value("{'__proto__': 1}") as object)).toEqual(["__proto__"]);
  });
});

describe("what it answers instead of failing", () => {
  it.each([
    ["order.total >", "expression_invalid", { offset: 12, line: 1, column: 13 }],
    ["true &&\n foo(1)", "expression_invalid", { offset: 9, line: 2, column: 2 }],
    ["", "expression_invalid", { offset: 0, line: 1, column: 1 }],
    ["missing == 1", "expression_failed", { offset: 0, line: 1, column: 1 }],
    ["order.nothing", "expression_failed", { offset: 5, line: 1, column: 6 }],
    ["1 > order.tags[7]", "expression_failed", { offset: 4, line: 1, column: 5 }],
    ["'a' + 1", "expression_failed", { offset: 4, line: 1, column: 5 }],
    ["1 / 0", "expression_failed", { offset: 2, line: 1, column: 3 }],
  ])("%s", (expression, code, position) => {
    const fault = faultOf(expression, { order });
    expect(fault).toMatchObject({ code, position });
    expect(fault.message).toContain(`at ${position.line}:${position.column} `);
  });

  it.each(["1.0 / 0.0", "9223372036854775807", "type(1)", "{1: 2}", "b'x'", "timestamp(0)"])(
    "%s, whose result has no JSON",
    (expression) => expect(faultOf(expression).code).toBe("expression_failed"),
  );

  it("repeats no value in a message, for it may be secret", () => {
    const secret = "canary-5f1d";
    for (const expression of ["int(s)", "timestamp(s)", "m[s]", "s + 1", "duration(s)", "s.x"]) {
      expect(faultOf(expression, { s: secret, m: {} }).message).not.toContain(secret);
    }
  });
});

describe("hostile expressions", () => {
  const range = Array.from({ length: 200 }, (_, i) => i);
  const loop = (depth: number): string =>
    `l.map(a${depth}, ${depth === 0 ? "1" : loop(depth - 1)})`;
  const double = (times: number): string =>
    `['${"x".repeat(64)}']${".map(a, a + a)".repeat(times)}[0]`;

  it.each([
    ["loops in loops", loop(6)],
    ["loops whose errors are swallowed", "l.exists(a, l.exists(b, l.exists(c, a + b > 'x')))"],
    ["loops over a literal", "[1,2,3,4,5,6,7,8,9].map(a, ".repeat(12) + "a" + ")".repeat(12)],
    ["a loop whose end is hidden behind a true", `${loop(6)}.size() > 0 || true`],
    ["lists that double", `[l]${".map(a, a + a)".repeat(40)}[0].size()`],
    ["comparing large values over and over", "l.all(a, [l, l, l, l] == [l, l, l, l])"],
    ["a pattern over a long text over and over", `l.all(a, s.matches('${"(a*)*".repeat(40)}b'))`],
    ["a text that is read over and over", "l.all(a, !s.contains('b'))"],
  ])("are stopped: %s", (_, expression) => {
    const fault = faultOf(expression, { l: range, s: "a".repeat(100_000) });
    expect(fault.code).toBe("expression_exhausted");
  });

  it.each([
    ["by adding", double(40)],
    ["by replacing", "['xxxxxxxx']" + ".map(a, a.replace('x', 'xxxxxxxx'))".repeat(12) + "[0]"],
    ["by joining", "[l.map(a, 'x')]" + ".map(a, [a.join(s)])".repeat(3) + "[0]"],
  ])("make no text without bound: %s", (_, expression) => {
    const fault = faultOf(expression, { l: range, s: "a".repeat(100_000) });
    expect(fault).toMatchObject({ code: "expression_failed" });
    expect(fault.message).toContain("too long");
  });

  it.each([
    ["parentheses", `${"(".repeat(2_000)}1${")".repeat(2_000)}`],
    ["lists", `${"[".repeat(2_000)}${"]".repeat(2_000)}`],
    ["fields", `x${".a".repeat(2_000)}`],
    ["sums", `1${"+1".repeat(2_000)}`],
    ["loops", `x${".map(i, i)".repeat(400)}`],
    ["conditions", `${"true ? 1 : ".repeat(300)}1`],
    ["length", `'${"x".repeat(EXPRESSION_CHARS_MAX)}'`],
  ])("are refused for their size: %s", (_, expression) => {
    expect(faultOf(expression).code).toBe("expression_too_large");
  });

  it("are stopped over values that are too many or too deep", () => {
    let deep: unknown = 1;
    for (let i = 0; i < 100; i += 1) deep = [deep];
    const many = Array.from({ length: 300_000 }, () => 1);
    expect(faultOf("x == 1", { x: deep }).code).toBe("expression_failed");
    expect(faultOf("x == 1", { x: many }).code).toBe("expression_exhausted");
    expect(value("y == 1", { x: many, y: 1 })).toBe(true);
  });

  it.each([
    "constructor",
    "__proto__",
    "toString",
    "hasOwnProperty",
    "globalThis",
    "process",
    "this",
    "x.constructor",
    "x.__proto__",
    "x['constructor']",
    "l.length",
    "l.constructor",
    "s.constructor",
    "s.length",
    "'a'.at",
  ])("reach nothing of the program: %s", (expression) => {
    expect(faultOf(expression, { x: {}, l: [], s: "" }).code).toBe("expression_failed");
  });

  it.each([
    "now()",
    "random()",
    "eval('1')",
    "constructor('return 1')()",
    "x.constructor('return 1')",
    "@push(l, 1)",
    "@list()",
    "google.protobuf.Any{}",
    "x{a: 1}",
    "timestamp('2026-01-01T00:00:00Z').getHours('Europe/Berlin')",
    "'%s'.format([1])",
    "x = 1",
    "x; y",
    "`x`",
    "(x) => x",
  ])("are refused before they run: %s", (expression) => {
    expect(faultOf(expression, { x: {}, l: [] }).code).toBe("expression_invalid");
  });

  it("leave the values they read as they were", () => {
    const bindings = { l: [1, 2], m: { a: 1 } };
    value("(l + [3]).map(x, x + 1) + m.map(k, k)", bindings);
    expect(bindings).toEqual({ l: [1, 2], m: { a: 1 } });
  });
});
