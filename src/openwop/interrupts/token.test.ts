import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { signInterruptToken, TOKEN_LIFE_MS, verifyInterruptToken } from "./token.ts";

const SECRET = Buffer.alloc(32, 7);
const NOW = Date.parse("2026-11-21T12:00:00Z");
const CLAIMS = {
  runId: "run-1",
  nodeId: "approve",
  interruptId: "run-1:approve:0",
  expiresAt: NOW + TOKEN_LIFE_MS,
};

describe("interrupt tokens", () => {
  it("give their claims back until they expire", () => {
    const token = signInterruptToken(CLAIMS, SECRET);
    expect(verifyInterruptToken(token, SECRET, NOW)).toEqual({ valid: true, claims: CLAIMS });
    expect(verifyInterruptToken(token, SECRET, CLAIMS.expiresAt - 1)).toMatchObject({
      valid: true,
    });
    expect(verifyInterruptToken(token, SECRET, CLAIMS.expiresAt)).toEqual({
      valid: false,
      reason: "expired",
    });
  });

  it("fit into a path without escaping", () => {
    expect(signInterruptToken(CLAIMS, SECRET)).toMatch(/^[\w-]+\.[\w-]+$/);
  });

  it("of another host are forged, and so is one changed by a single character", () => {
    const token = signInterruptToken(CLAIMS, SECRET);
    const reason = "forged";
    const elsewhere = verifyInterruptToken(token, Buffer.alloc(32, 8), NOW);
    expect(elsewhere).toEqual({ valid: false, reason });
    fc.assert(
      fc.property(fc.nat(token.indexOf(".") - 1), (at) => {
        const changed = `${token.slice(0, at)}${token[at] === "A" ? "B" : "A"}${token.slice(at + 1)}`;
        expect(verifyInterruptToken(changed, SECRET, NOW)).toEqual({ valid: false, reason });
      }),
    );
  });

  it.each(["", ".", "a.", ".b", "a.b.c", "x".repeat(5000)])("do not look like %j", (token) => {
    expect(verifyInterruptToken(token, SECRET, NOW)).toEqual({ valid: false, reason: "malformed" });
  });

  it("never throw, whatever is offered", () => {
    fc.assert(
      fc.property(fc.string(), (token) => {
        expect(verifyInterruptToken(token, SECRET, NOW).valid).toBe(false);
      }),
    );
  });
});
