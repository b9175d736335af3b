import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { holds } from "../../test/support/property.ts";
import { addressProblem, parseBlock } from "./address.ts";

const NONE = [] as const;
const allow = (...texts: string[]) =>
  texts.map((text) => {
    const block = parseBlock(text);
    if (block === undefined) throw new Error(text);
    return block;
  });

describe("addresses of the public network", () => {
  it.each([
    "8.8.8.8",
    "1.1.1.1",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
  ])("%s is one", (address) => expect(addressProblem(address, NONE)).toBeUndefined());
});

describe("all other addresses", () => {
  it.each([
    ["127.0.0.1", "a loopback address"],
    ["127.255.255.254", "a loopback address"],
    ["0.0.0.0", "an unspecified address"],
    ["10.1.2.3", "a private address"],
    ["172.16.0.1", "a private address"],
    ["192.168.1.1", "a private address"],
    ["169.254.1.1", "a link-local address"],
    ["169.254.169.254", "a metadata address"],
    ["168.63.129.16", "a metadata address"],
    ["100.100.100.200", "a metadata address"],
    ["fd00:ec2::254", "a metadata address"],
    ["100.64.0.1", "an address behind a carrier's NAT"],
    ["224.0.0.1", "a multicast address"],
    ["255.255.255.255", "a broadcast address"],
    ["240.0.0.1", "a reserved address"],
    ["192.0.2.1", "a reserved address"],
    ["198.18.0.1", "a reserved address"],
    ["192.88.99.1", "a reserved address"],
    ["::1", "a loopback address"],
    ["::", "an unspecified address"],
    ["fe80::1", "a link-local address"],
    ["fec0::1", "a reserved address"],
    ["fc00::1", "a private address"],
    ["ff02::1", "a multicast address"],
    ["2001:db8::1", "a reserved address"],
    ["100::1", "a reserved address"],
    ["4000::1", "a reserved address"],
    ["::2", "a reserved address"],
    ["fe80::1%eth0", "a link-local address"],
  ])("%s is %s", (address, problem) => expect(addressProblem(address, NONE)).toBe(problem));

  it.each([
    ["mapped", "::ffff:127.0.0.1"],
    ["mapped, in hexadecimal", "::ffff:7f00:1"],
    ["mapped metadata", "::ffff:a9fe:a9fe"],
    ["compatible", "::127.0.0.1"],
    ["compatible, in hexadecimal", "::7f00:1"],
    ["translated (NAT64)", "64:ff9b::7f00:1"],
    ["translated metadata", "64:ff9b::169.254.169.254"],
    ["translated by a network's own prefix", "64:ff9b:1::808:808"],
    ["translated (SIIT)", "::ffff:0:127.0.0.1"],
    ["tunnelled (6to4)", "2002:7f00:1::"],
    ["tunnelled (6to4), of a public address", "2002:808:808::1"],
    ["tunnelled (Teredo)", "2001:0:808:808::1"],
    ["tunnelled (ISATAP)", "2606:4700::5efe:10.0.0.1"],
    ["tunnelled (ISATAP), globally unique", "2606:4700::200:5efe:a00:1"],
  ])("an IPv4 address that is %s is seen through", (_, address) => {
    expect(addressProblem(address, NONE)).toBeDefined();
  });

  it.each(["", "localhost", "1.2.3.4.5", "example.com", "300.1.1.1", "::g"])(
    "%j is none at all",
    (text) => expect(addressProblem(text, NONE)).toBe("no address"),
  );

  it("are refused in any IPv6 clothes", () => {
    const inside = fc.constantFrom([127, 0], [10, 0], [192, 168], [169, 254], [172, 16], [0, 0]);
    const property = fc.property(
      inside,
      fc.nat(255),
      fc.nat(255),
      fc.constantFrom("::ffff:", "64:ff9b::", "::", "2606:4700::5efe:"),
      ([a, b], c, d, prefix) => {
        expect(addressProblem(`${a}.${b}.${c}.${d}`, NONE)).toBeDefined();
        expect(addressProblem(`${prefix}${a}.${b}.${c}.${d}`, NONE)).toBeDefined();
      },
    );
    holds(property, { runs: 300 });
  });
});

describe("what an operator allows", () => {
  it("is exactly the block", () => {
    const blocks = allow("127.0.0.0/8", "fd00::/8", "10.0.0.7");
    const good = ["127.0.0.1", "::ffff:127.9.9.9", "fd12::1", "10.0.0.7", "64:ff9b::10.0.0.7"];
    for (const address of good) expect(addressProblem(address, blocks)).toBeUndefined();
    for (const address of ["10.0.0.8", "169.254.169.254", "::1"]) {
      expect(addressProblem(address, blocks)).toBeDefined();
    }
  });

  it.each(["localhost", "10.0.0.0/40", "10.0.0", "10/8", "010.0.0.1", ""])(
    "is never %j",
    (text) => {
      expect(parseBlock(text)).toBeUndefined();
    },
  );
});
