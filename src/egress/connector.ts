/**
 * Opens connections: resolves a name, checks every address it got, and connects to one of exactly
 * these. The name is not looked up again in between, so a name server that answers differently the
 * next time (DNS rebinding) changes nothing; nor can a literal address slip past the look-up.
 */
import { isIP } from "node:net";
import { buildConnector } from "undici";
import { Fault, isFault } from "../errors/fault.ts";
import type { Clock } from "../lib/clock.ts";
import { addressProblem } from "./address.ts";
import type { EgressPolicy } from "./policy.ts";
import { refused } from "./target.ts";

/** All addresses of a name, IPv4 and IPv6. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

export interface ConnectorOptions {
  readonly policy: EgressPolicy;
  readonly resolve: Resolve;
  readonly clock: Clock;
  /** For look-up, connection and TLS handshake together. */
  readonly connectMs: number;
  /** Opens one socket; tests pass one that stays on the machine. */
  readonly connect?: buildConnector.connector | undefined;
}

/** More would be tried one after the other for no good. */
const ADDRESSES_TRIED_MAX = 4;

type Socket = NonNullable<Parameters<buildConnector.Callback>[1]>;

export function guardedConnector(options: ConnectorOptions): buildConnector.connector {
  const connect = options.connect ?? buildConnector({ timeout: options.connectMs });
  return (target, callback) => {
    const answered = once(callback);
    const timer = options.clock.after(options.connectMs, () => {
      const message = `${target.hostname} did not accept a connection in ${options.connectMs} ms`;
      answered(new Fault("egress_timed_out", message), null);
    });
    void open(target, { ...options, connect })
      .then((socket) => {
        if (!answered(null, socket)) socket.destroy();
      })
      .catch((error: unknown) => void answered(connectFault(target.hostname, error), null))
      .finally(() => timer.cancel());
  };
}

/** The addresses of a host, every one of them allowed; else a `Fault`. */
export async function checkedAddresses(
  hostname: string,
  options: Pick<ConnectorOptions, "policy" | "resolve">,
): Promise<readonly string[]> {
  const host = hostname.replace(/^\[|\]$/g, "");
  const addresses = isIP(host) === 0 ? await options.resolve(host) : [host];
  for (const address of addresses) {
    const problem = addressProblem(address, options.policy.allowed);
    if (problem !== undefined) {
      throw refused("address", `${host} resolves to ${address}, ${problem}`);
    }
  }
  return addresses;
}

async function open(
  target: buildConnector.Options,
  options: ConnectorOptions & { readonly connect: buildConnector.connector },
): Promise<Socket> {
  const addresses = await checkedAddresses(target.hostname, options);
  let failure: unknown = new Error("has no address");
  for (const address of addresses.slice(0, ADDRESSES_TRIED_MAX)) {
    try {
      return await connectTo(address, target, options.connect);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function connectTo(
  address: string,
  target: buildConnector.Options,
  connect: buildConnector.connector,
): Promise<Socket> {
  const name = target.hostname.replace(/^\[|\]$/g, "");
  // The certificate must be for the name, although the connection is to the address.
  const servername = target.servername ?? (isIP(name) === 0 ? name : undefined);
  const exact = {
    ...target,
    hostname: address,
    ...(servername === undefined ? {} : { servername }),
  };
  return new Promise((resolve, reject) => {
    connect(exact, (error, socket) => {
      // On failure the library leaves the second argument out, whatever its types say.
      if (error !== null || !socket) reject(error);
      else resolve(socket);
    });
  });
}

/** Calls back the first time only and says whether it did. */
function once(
  callback: buildConnector.Callback,
): (...result: Parameters<typeof callback>) => boolean {
  let isOpen = true;
  return (...result) => {
    if (!isOpen) return false;
    isOpen = false;
    callback(...result);
    return true;
  };
}

function connectFault(hostname: string, error: unknown): Fault {
  if (isFault(error)) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "no connection";
  return new Fault("egress_failed", `${hostname} could not be connected to: ${code}`);
}
