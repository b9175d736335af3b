/** Rules about a URL that need no look-up. Pure. */
import { isIP } from "node:net";
import { Fault } from "../errors/fault.ts";
import { addressProblem } from "./address.ts";
import type { EgressPolicy } from "./policy.ts";

/** What was refused. */
export type RefusalReason =
  | "url"
  | "scheme"
  | "port"
  | "address"
  | "redirect"
  | "credential"
  | "header";

const URL_CHARS_MAX = 8_192;
const WEB_PORTS: ReadonlySet<number> = new Set([80, 443]);
const SYSTEM_PORT_MAX = 1_023;
/** Ports whose own protocols can be talked to with a well-chosen HTTP request; browsers refuse them. */
const FOREIGN_PORTS: ReadonlySet<number> = new Set([
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669,
  6679, 6697, 10_080,
]);

/** The fault of a refusal. Its message names origins, never paths: those may hold secrets. */
export function refused(reason: RefusalReason, message: string, origin?: string): Fault {
  return new Fault("egress_refused", message, {
    details: { reason, ...(origin === undefined ? {} : { origin }) },
  });
}

/** The URL, when its scheme, port and literal address are allowed; else a `Fault`. */
export function parseTarget(text: string, policy: EgressPolicy): URL {
  const url = text.length > URL_CHARS_MAX || !URL.canParse(text) ? undefined : new URL(text);
  if (url === undefined) throw refused("url", "the destination is no absolute URL");
  const { origin } = url;
  if (url.protocol !== "https:" && !(url.protocol === "http:" && policy.plainHttp)) {
    const wanted = policy.plainHttp ? "http or https" : "https";
    throw refused("scheme", `a destination must be ${wanted}, this is ${url.protocol}`);
  }
  if (url.username !== "" || url.password !== "") {
    throw refused("url", `${origin} comes with a user name in the URL`, origin);
  }
  const port = url.port === "" ? undefined : Number(url.port);
  if (port !== undefined && !isPortAllowed(port, policy)) {
    throw refused("port", `port ${port} of ${origin} is not one for HTTP`, origin);
  }
  const literal = hostOf(url);
  const problem = isIP(literal) === 0 ? undefined : addressProblem(literal, policy.allowed);
  if (problem !== undefined) throw refused("address", `${origin} is ${problem}`, origin);
  return url;
}

/** The host without the brackets of an IPv6 literal. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}

function isPortAllowed(port: number, policy: EgressPolicy): boolean {
  if (policy.ports.has(port) || WEB_PORTS.has(port)) return true;
  return port > SYSTEM_PORT_MAX && !FOREIGN_PORTS.has(port);
}
