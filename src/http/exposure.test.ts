import { describe, expect, it } from "vitest";
import { isFault } from "../errors/fault.ts";
import { alsoReachedAt, isOwnHost, parseExposure } from "./exposure.ts";
import { parseBindAddress } from "./loopback.ts";

describe("the names of an exposed daemon", () => {
  it.each([
    ["keelson.example", ["keelson.example"]],
    [" Node-1 , node_2.internal. ", ["node-1", "node_2.internal"]],
    ["10.0.0.5,[FD00:0::5],fd00::6", ["10.0.0.5", "fd00::5", "fd00::6"]],
  ])("%j", (text, names) => expect([...parseExposure(text).names]).toEqual(names));

  it.each([
    "",
    " ",
    "a,,b",
    "*",
    "*.example",
    "a.example:8765",
    "http://a",
    "a b",
    "-a",
    "a..b",
    "[a",
  ])("are not %j", (text) => {
    let thrown: unknown;
    try {
      parseExposure(text);
    } catch (error) {
      thrown = error;
    }
    expect(isFault(thrown) ? thrown.code : thrown).toBe("config_invalid");
  });
});

describe("the Host header of an exposed daemon", () => {
  const exposure = alsoReachedAt(parseExposure("keelson.example,fd00::5"), "10.0.0.5");

  it.each([
    "keelson.example",
    "Keelson.Example.:443",
    "keelson.example:8765",
    "[fd00::5]:8765",
    "[fd00:0:0::5]",
    "10.0.0.5:8765",
    "127.0.0.1:8765",
    "localhost",
  ])("may be %s", (host) => expect(isOwnHost(host, exposure)).toBe(true));

  it.each([
    "",
    "evil.example",
    "keelson.example.evil.example",
    "x.keelson.example",
    "10.0.0.6",
    "::1",
  ])("may not be %j", (host) => expect(isOwnHost(host, exposure)).toBe(false));

  it("does not become every interface's address by listening on them all", () => {
    for (const address of ["0.0.0.0", "::", "0:0::0"])
      expect([...alsoReachedAt(parseExposure("a"), address).names]).toEqual(["a"]);
  });

  it("is a loopback one alone where nothing is exposed", () => {
    expect(isOwnHost("keelson.example", undefined)).toBe(false);
    expect(isOwnHost("localhost:1", undefined)).toBe(true);
  });
});

it("an exposed daemon may listen where others reach it", () => {
  expect(parseBindAddress("0.0.0.0:9000", 8765, true)).toEqual({ host: "0.0.0.0", port: 9000 });
  expect(parseBindAddress("[::]", 8765, true)).toEqual({ host: "::", port: 8765 });
  expect(parseBindAddress("node-1.internal", 8765, true)).toEqual({
    host: "node-1.internal",
    port: 8765,
  });
  expect(() => parseBindAddress(":8765", 8765, true)).toThrow("not loopback");
});
