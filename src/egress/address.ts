/** Which network addresses the host may connect to. Pure. */
import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** An address block in CIDR form, read once. */
export type AddressBlock = readonly [Address, number];

/** Blocks that are unicast on paper and yet answer inside a cloud's own network. */
const METADATA: readonly AddressBlock[] = [
  "169.254.169.254/32",
  "168.63.129.16/32",
  "100.100.100.200/32",
  "192.0.0.192/32",
  "fd00:ec2::254/128",
  "fd20:ce::254/128",
].map((text) => ipaddr.parseCIDR(text));

/** The only IPv6 block that holds global addresses. */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR("2000::/3");
/** The translation prefix everybody shares; a network's own is private like the network. */
const SHARED_NAT64 = ipaddr.IPv6.parseCIDR("64:ff9b::/96");

/** The block of a text such as `10.0.0.0/8` or `127.0.0.1`; undefined when it is none. */
export function parseBlock(text: string): AddressBlock | undefined {
  if (ipaddr.IPv4.isValidCIDRFourPartDecimal(text) || ipaddr.IPv6.isValidCIDR(text)) {
    const [address, bits] = ipaddr.parseCIDR(text);
    return [address, bits];
  }
  // Short and octal forms mean something else than they seem to: nobody may allow them by mistake.
  if (!ipaddr.IPv4.isValidFourPartDecimal(text) && !ipaddr.IPv6.isValid(text)) return undefined;
  const address = canonical(ipaddr.parse(text));
  return [address, address.kind() === "ipv4" ? 32 : 128];
}

/**
 * What is wrong with connecting to an address, as a word for a message; undefined when nothing is.
 * `allowed` blocks win over every rule. An IPv4 address inside an IPv6 one counts as itself.
 */
export function addressProblem(text: string, allowed: readonly AddressBlock[]): string | undefined {
  if (!ipaddr.isValid(text)) return "no address";
  const address = canonical(ipaddr.parse(text));
  if (isIn(address, allowed)) return undefined;
  if (isIn(address, METADATA)) return "a metadata address";
  const problem = address.kind() === "ipv4" ? rangeProblem(address) : ipv6Problem(address);
  if (problem !== undefined) return problem;
  const inner = embedded(address);
  return inner === undefined ? undefined : addressProblem(inner, allowed);
}

function isIn(address: Address, blocks: readonly AddressBlock[]): boolean {
  return blocks.some(
    ([block, bits]) => block.kind() === address.kind() && address.match(block, bits),
  );
}

function canonical(address: Address): Address {
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress()
    ? address.toIPv4Address()
    : address;
}

const WORDS: Readonly<Record<string, string>> = {
  private: "a private address",
  uniqueLocal: "a private address",
  loopback: "a loopback address",
  linkLocal: "a link-local address",
  carrierGradeNat: "an address behind a carrier's NAT",
  multicast: "a multicast address",
  broadcast: "a broadcast address",
  unspecified: "an unspecified address",
};

function rangeProblem(address: Address): string | undefined {
  const range = address.range();
  return range === "unicast" ? undefined : (WORDS[range] ?? "a reserved address");
}

function ipv6Problem(address: Address): string | undefined {
  if (address.match(SHARED_NAT64)) return undefined;
  const problem = rangeProblem(address);
  if (problem !== undefined) return problem;
  return address.match(GLOBAL_IPV6) ? undefined : "a reserved address";
}

/**
 * The IPv4 address that a translator or a tunnel end would go on to: of NAT64, and of ISATAP, whose
 * interface identifiers may stand in any network. 6to4 and Teredo are refused as ranges.
 */
function embedded(address: Address): string | undefined {
  if (!(address instanceof ipaddr.IPv6)) return undefined;
  const parts = address.parts;
  const isIsatap = ((parts[4] ?? 0) & 0xfdff) === 0 && parts[5] === 0x5efe;
  if (!isIsatap && !address.match(SHARED_NAT64)) return undefined;
  const [high = 0, low = 0] = parts.slice(6);
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}
