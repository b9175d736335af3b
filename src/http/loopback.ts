import { isIPv4, isIPv6 } from "node:net";
import { Fault } from "../errors/fault.ts";

/** True for an address that only this machine can reach: 127.0.0.0/8, ::1, and the mapped form. */
export function isLoopbackAddress(address: string | undefined): boolean {
  if (address === undefined) return false;
  const plain = address.toLowerCase().startsWith("::ffff:") ? address.slice(7) : address;
  if (isIPv4(plain)) return plain.startsWith("127.");
  return isIPv6(plain) && isLoopbackIpv6(plain);
}

/** `::1` in any spelling, with or without a zone. */
function isLoopbackIpv6(address: string): boolean {
  const bare = address.split("%", 1)[0] ?? "";
  return shortestIpv6(bare) === "::1";
}

/**
 * True when a `Host` header names this machine by a loopback name or literal, with any port. Other
 * names are refused, because a web page may point a name of its own at 127.0.0.1 and read from it.
 */
export function isLoopbackHost(header: string): boolean {
  // The literal that nearly every request carries, decided without parsing.
  if (header.startsWith("127.0.0.1:")) return isPort(header.slice(10));
  const name = hostNameOf(header);
  return name !== undefined && (name === "localhost" || isLoopbackAddress(name));
}

/**
 * The name or literal of a `Host` header, without the port and without brackets, in the one spelling
 * in which two that mean the same are equal; undefined for a header of another form.
 */
export function hostNameOf(header: string): string | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::\d{0,5})?$/.exec(header);
  return match === null ? undefined : canonicalHost(match[1] ?? match[2] ?? "");
}

/** A host name in lower case without the root's dot; an IPv6 literal in its shortest form. */
export function canonicalHost(host: string): string {
  if (isIPv6(host)) return host.includes("%") ? host : shortestIpv6(host);
  return host.toLowerCase().replace(/(?<=.)\.$/, "");
}

function shortestIpv6(address: string): string {
  return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}

function isPort(text: string): boolean {
  return /^\d{0,5}$/.test(text);
}

export interface BindAddress {
  readonly host: string;
  /** 0 asks for any free port. */
  readonly port: number;
}

/**
 * Reads `--addr` (digest §7.5): a 127.0.0.0/8 literal, `::1` bare or in brackets, or `localhost`,
 * with or without a port. Anything that another machine could reach is a `bind_not_loopback` fault,
 * unless the daemon was told how others name it.
 */
export function parseBindAddress(
  text: string,
  defaultPort: number,
  isExposed = false,
): BindAddress {
  const bare = isIPv6(text) ? { host: text, port: undefined } : splitPort(text);
  const refused = new Fault(
    "bind_not_loopback",
    `daemon bind address is not loopback: ${JSON.stringify(text)}`,
    { details: { field: "addr" } },
  );
  if (bare === undefined || bare.host === "") throw refused;
  if (!isExposed && bare.host.toLowerCase() !== "localhost" && !isLoopbackAddress(bare.host)) {
    throw refused;
  }
  const port = bare.port === undefined ? defaultPort : Number(bare.port);
  if (!Number.isInteger(port) || port > 65_535) {
    throw new Fault("config_invalid", `addr ${JSON.stringify(text)}: the port is not 0 to 65535`, {
      details: { field: "addr" },
    });
  }
  return { host: bare.host, port };
}

function splitPort(text: string): { host: string; port: string | undefined } | undefined {
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(text);
  if (match === null) return undefined;
  return { host: match[1] ?? match[2] ?? "", port: match[3] };
}
