import { describe, expect, it } from "vitest";
import { credentialHeaders, plainHeaders } from "./headers.ts";
import { createPolicy } from "./policy.ts";
import { parseTarget } from "./target.ts";

const strict = createPolicy();
const relaxed = createPolicy({ allow: ["127.0.0.0/8", "::1"], plainHttp: true, ports: [25] });

function reasonOf(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was refused");
}

describe("a destination", () => {
  it.each([
    "https://example.com/hook?x=1",
    "https://example.com:8443/",
    "https://8.8.8.8/",
    "https://[2606:4700:4700::1111]/",
  ])("may be %s", (url) => expect(parseTarget(url, strict).href).toBe(url));

  it.each([
    ["", "url"],
    ["/hook", "url"],
    ["http://", "url"],
    [`https://example.com/${"x".repeat(9_000)}`, "url"],
    ["https://user:pass@example.com/", "url"],
    ["http://example.com/", "scheme"],
    ["ftp://example.com/", "scheme"],
    ["file:///etc/passwd", "scheme"],
    ["javascript:alert(1)", "scheme"],
    ["https://example.com:22/", "port"],
    ["https://example.com:25/", "port"],
    ["https://example.com:6667/", "port"],
    ["https://127.0.0.1/", "address"],
    ["https://127.1/", "address"],
    ["https://2130706433/", "address"],
    ["https://0x7f000001/", "address"],
    ["https://0177.0.0.1/", "address"],
    ["https://①②⑦.0.0.1/", "address"],
    ["https://169.254.169.254/latest/meta-data", "address"],
    ["https://[::1]/", "address"],
    ["https://[::ffff:10.0.0.1]/", "address"],
  ])("may not be %s (%s)", (url, reason) => {
    const fault = reasonOf(() => parseTarget(url, strict));
    expect(fault).toMatchObject({
      code: "egress_refused",
      outcome: "not-done",
      details: { reason },
    });
  });

  it("may be what the operator allows", () => {
    for (const url of ["http://127.0.0.1:25/", "http://[::1]/", "http://example.com/"]) {
      expect(parseTarget(url, relaxed).href).toBe(url);
    }
    expect(reasonOf(() => parseTarget("ftp://127.0.0.1/", relaxed))).toBeDefined();
  });

  it("is named by its origin: paths and user names may be secret", () => {
    for (const url of ["http://u:canary@a.test/canary?canary", "https://a.test:22/canary"]) {
      const fault = reasonOf(() => parseTarget(url, relaxed));
      expect(JSON.stringify([String(fault), fault])).not.toContain("canary");
    }
  });
});

describe("a policy", () => {
  it("names what it cannot read", () => {
    const bad = reasonOf(() => createPolicy({ allow: ["loopback"] }));
    expect(bad).toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining("loopback"),
    });
    expect(reasonOf(() => createPolicy({ ports: [70_000] }))).toMatchObject({
      code: "config_invalid",
    });
  });
});

describe("header fields", () => {
  it("travel in lower case", () => {
    expect(plainHeaders({ "Content-Type": "a/b", "Idempotency-Key": "k" })).toEqual({
      "content-type": "a/b",
      "idempotency-key": "k",
    });
  });

  it.each([
    "Authorization",
    "cookie",
    "X-API-Key",
    "x-goog-api-key",
    "Proxy-Authorization",
    "X-Token",
  ])("with secrets are refused without an audience: %s", (name) => {
    const fault = reasonOf(() => plainHeaders({ [name]: "canary" }));
    expect(fault).toMatchObject({ details: { reason: "header" } });
    expect(String(fault)).not.toContain("canary");
  });

  it.each([
    ["Host", "a"],
    ["content-length", "1"],
    ["Transfer-Encoding", "chunked"],
    ["x", "a\r\nhost: b"],
    ["x y", "a"],
    ["", "a"],
  ])("that could split or redirect a request are refused: %j", (name, value) => {
    const fault = { details: { reason: "header" } };
    expect(reasonOf(() => plainHeaders({ [name]: value }))).toMatchObject(fault);
    const credential = { audience: "https://a.test", headers: { [name]: value } };
    expect(reasonOf(() => credentialHeaders(credential, "https://a.test"))).toMatchObject(fault);
  });
});
