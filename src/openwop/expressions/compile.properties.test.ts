import fc from "fast-check";
import { expect, it } from "vitest";
import { holds } from "../../../test/support/property.ts";
import { compile } from "./compile.ts";

const token = fc.constantFrom(
  ..."x y 1 2.5 'a' true null ( ) [ ] { } . , ? : + - * / % == != < > && || ! in".split(" "),
  ".map(i, ",
  ".exists(i, ",
  "size(",
  "has(x.",
  "[0]",
  ".replace('a', 'aa')",
);
const soup = fc.array(token, { maxLength: 30 }).map((tokens) => tokens.join(" "));
const text = fc.oneof(soup, fc.string({ maxLength: 60 }));
const bindings = fc.record({ x: fc.jsonValue(), y: fc.jsonValue() });

it("answers every text over any values, without throwing, and always the same", () => {
  holds(
    fc.property(text, bindings, (expression, values) => {
      const first = compile(expression);
      const second = compile(expression);
      expect(second.ok).toBe(first.ok);
      if (!first.ok || !second.ok) return;
      const result = first.evaluate(values);
      expect(second.evaluate(values)).toEqual(result);
      expect(first.evaluate(values)).toEqual(result);
      if (result.ok) expect(JSON.parse(JSON.stringify(result.value))).toEqual(result.value);
    }),
    { runs: 1_000 },
  );
});

it("gives back any JSON value that it is asked for", () => {
  holds(
    fc.property(fc.jsonValue(), (x) => {
      const compiled = compile("x");
      const result = compiled.ok && compiled.evaluate({ x: JSON.parse(JSON.stringify(x)) });
      expect(result).toEqual({ ok: true, value: JSON.parse(JSON.stringify(x)) });
    }),
    { runs: 300 },
  );
});
