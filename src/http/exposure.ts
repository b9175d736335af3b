/** How far a daemon can be reached, and by which names. */
import { isIP } from "node:net";
import { Fault } from "../errors/fault.ts";
import { canonicalHost, hostNameOf, isLoopbackAddress, isLoopbackHost } from "./loopback.ts";

/** A daemon that peers on other machines may use. */
export interface Exposure {
  /** What a `Host` header may name beside loopback, in canonical spelling and without ports. */
  readonly names: ReadonlySet<string>;
}

const NAME =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?)*$/;

/**
 * Reads `--expose`: host names or IP literals (IPv6 with or without brackets), separated by commas.
 * There is no word for "any": a name that nobody listed may be a web page's own. Throws
 * `config_invalid`.
 */
export function parseExposure(text: string): Exposure {
  const names = text.split(",").map((part) => part.trim());
  return { names: new Set(names.map(hostOf)) };
}

function hostOf(given: string): string {
  const bare = /^\[(.+)\]$/.exec(given)?.[1] ?? given;
  const host = canonicalHost(bare);
  if (isIP(host) !== 0 || NAME.test(host)) return host;
  throw new Fault(
    "config_invalid",
    `expose ${JSON.stringify(given)}: give host names or addresses, separated by commas, without ports`,
    { details: { field: "expose" } },
  );
}

/** The same, and the address that the daemon listens on, which its neighbours will use. */
export function alsoReachedAt(exposure: Exposure, address: string): Exposure {
  if (isWildcard(address)) return exposure;
  return { names: new Set([...exposure.names, canonicalHost(address)]) };
}

/** True when a `Host` header means this daemon. */
export function isOwnHost(header: string, exposure: Exposure | undefined): boolean {
  if (isLoopbackHost(header)) return true;
  const name = exposure === undefined ? undefined : hostNameOf(header);
  return name !== undefined && exposure?.names.has(name) === true;
}

/** True for an address that means every interface. */
export function isWildcard(address: string): boolean {
  return address === "0.0.0.0" || canonicalHost(address) === "::";
}

/** True when only this machine can connect to the address. */
export function isLocalOnly(address: string): boolean {
  return address.toLowerCase() === "localhost" || isLoopbackAddress(address);
}
