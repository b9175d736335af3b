import { describe, expect, it } from "vitest";
import { isFault } from "../errors/fault.ts";
import { connectionsMax } from "./limits.ts";
import { isLoopbackAddress, isLoopbackHost, parseBindAddress } from "./loopback.ts";

describe("a peer's address", () => {
  it.each(["127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1", "0:0:0:0:0:0:0:1"])(
    "is loopback: %s",
    (address) => expect(isLoopbackAddress(address)).toBe(true),
  );
  it.each([undefined, "", "10.0.0.1", "0.0.0.0", "::", "::2", "fe80::1", "::ffff:10.0.0.1", "x"])(
    "is not: %s",
    (address) => expect(isLoopbackAddress(address)).toBe(false),
  );
});

describe("a Host header", () => {
  it.each(["127.0.0.1", "127.0.0.1:", "127.0.0.1:80", "127.1.2.3:9", "localhost:1", "[::1]:80"])(
    "names this machine: %s",
    (host) => expect(isLoopbackHost(host)).toBe(true),
  );
  it.each([
    "",
    "example.com",
    "127.0.0.1:80:80",
    "127.0.0.1:x",
    "127.0.0.1:999999",
    "127.0.0.1x:80",
    "[::1",
    "::1",
    "127.1",
    "localhost@example.com",
  ])("does not: %s", (host) => expect(isLoopbackHost(host)).toBe(false));
});

describe("the address to listen on", () => {
  it.each([
    ["127.0.0.1:0", "127.0.0.1", 0],
    ["127.0.0.9", "127.0.0.9", 8765],
    ["localhost:9000", "localhost", 9000],
    ["localhost", "localhost", 8765],
    ["[::1]:9000", "::1", 9000],
    ["[::1]", "::1", 8765],
    ["::1", "::1", 8765],
  ])("%s", (text, host, port) => expect(parseBindAddress(text, 8765)).toEqual({ host, port }));

  it.each([
    ["", "bind_not_loopback"],
    [":8787", "bind_not_loopback"],
    ["0.0.0.0:8765", "bind_not_loopback"],
    ["192.168.0.1", "bind_not_loopback"],
    ["example.com:80", "bind_not_loopback"],
    ["[::]:80", "bind_not_loopback"],
    ["127.0.0.1:x", "bind_not_loopback"],
    ["127.0.0.1:70000", "config_invalid"],
  ])("is refused: %j", (text, code) => {
    let thrown: unknown;
    try {
      parseBindAddress(text, 8765);
    } catch (error) {
      thrown = error;
    }
    expect(isFault(thrown) ? thrown.code : thrown).toBe(code);
  });
});

it("leaves descriptors for everything but connections", () => {
  expect(connectionsMax(1_024)).toBe(768);
  expect(connectionsMax(1_000_000)).toBe(16_384);
  expect(connectionsMax(100)).toBe(64);
});
