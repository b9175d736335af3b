/** One server-sent event. */
export interface Frame {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
}

/**
 * Reads server-sent events from a byte stream. A frame cut short by the end of the stream is
 * dropped: whoever resumes after the last whole one gets it again. `onBytes` is called for
 * everything that arrives, comments included, so that silence can be told from idleness.
 */
export async function* readFrames(
  stream: ReadableStream<Uint8Array>,
  onBytes: () => void,
): AsyncGenerator<Frame, void, undefined> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  const frame = collector();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      onBytes();
      const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const whole = frame.take(line.endsWith("\r") ? line.slice(0, -1) : line);
        if (whole !== undefined) yield whole;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function collector(): { take(line: string): Frame | undefined } {
  let id: string | undefined;
  let event = "message";
  let data: string[] = [];
  return {
    take(line) {
      if (line === "") {
        const whole = data.length === 0 ? undefined : { id, event, data: data.join("\n") };
        id = undefined;
        event = "message";
        data = [];
        return whole;
      }
      const colon = line.indexOf(":");
      const name = colon === -1 ? line : line.slice(0, colon);
      const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (name === "id") id = value;
      else if (name === "event") event = value;
      else if (name === "data") data.push(value);
      return undefined;
    },
  };
}
