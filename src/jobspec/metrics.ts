/** GET /metrics: what Prometheus reads. It asks the store itself, so it answers without one too. */
import { sendBytes } from "../http/reply.ts";
import type { Answer, Call } from "./call.ts";

export interface MetricsPage {
  text(): Promise<string>;
}

/** Version 0.0.4 of the text format. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export async function getMetrics({ surface, response }: Call): Promise<Answer> {
  const text = await surface.metrics.text();
  sendBytes(response, Buffer.from(text), {
    "content-type": METRICS_TYPE,
    "cache-control": "no-store",
  });
  return undefined;
}
