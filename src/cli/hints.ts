/** What to do about a failed job, from its code and what its message says. */
import type { Failure } from "@keelson/client";

const BY_MESSAGE: readonly (readonly [RegExp, string])[] = [
  [
    /out of memory|SIGKILL|exit code 137/i,
    "The command was killed, often for lack of memory. Give it more, or run fewer at once.",
  ],
  [/timed? ?out/i, "Raise the timeout in keelson.json, or split the job."],
  [
    /not found|ENOENT|exit code 127/i,
    "The command is not on the daemon's PATH. `keelson doctor` looks for it.",
  ],
  [
    /log ?in|unauthori[sz]ed|api key|exit code 41/i,
    "The agent is not logged in. Run it once by hand as the same user.",
  ],
];

const BY_CODE: Readonly<Record<Failure["code"], string>> = {
  daemon_unavailable: "Submit it again once the daemon it needs is up.",
  provider_unreachable: "Check the network and the provider's status, then submit it again.",
  session_pending: "An earlier session of this agent is still open. End it, then submit again.",
  lost: "The worker vanished. Look at the transcript and the machine's log, then submit again.",
  event_stream_unavailable: "The agent's event stream broke. Submit it again.",
  terminal_without_transcript: "The agent ended without saying anything. Run its command by hand.",
  request_rejected: "Look at the transcript (`keelson job <id> --transcript`) and the payload.",
  projection_degraded: "Run `keelson repair`, then submit it again.",
  retry_exhausted: "Every attempt was used up. Look at the events for how each one ended.",
};

export function failureHint(failure: Failure): string {
  const said = BY_MESSAGE.find(([pattern]) => pattern.test(failure.message ?? ""));
  // A ledger written by somebody else may hold codes that are not in the contract.
  const known: Readonly<Record<string, string>> = BY_CODE;
  return said?.[1] ?? known[failure.code] ?? "Look at the job's events and transcript.";
}
