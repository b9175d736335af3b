import { expect, it } from "vitest";
import { lastLines, sessionIdIn } from "./output.ts";

it.each([
  ['{"type":"system","session_id":"0199-ab"}', "0199-ab"],
  ['  {"type":"thread.started","thread_id":"t_1"}\r', "t_1"],
  ["session id: 7f3b-11", "7f3b-11"],
  ['{"message":{"session_id":"inner"}}', undefined],
  ['text with "session_id":"x"', undefined],
  ['{"session_id":"--dangerous"}', undefined],
  ['{"session_id":"a b"}', undefined],
  ['{"session_id":"cut', undefined],
  ["", undefined],
])("finds in %j the session %j", (line, sessionId) => {
  expect(sessionIdIn(line)).toBe(sessionId);
});

it("keeps the last lines that say something, bounded", () => {
  expect(lastLines("\n\none  \r\n\n two\n\n")).toBe("one\n two");
  const many = Array.from({ length: 100 }, (_, line) => `line ${line}`).join("\n");
  expect(lastLines(many).split("\n")).toHaveLength(12);
  expect(lastLines("x".repeat(10_000)).length).toBeLessThanOrEqual(1500);
});
