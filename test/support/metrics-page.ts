/** Reads the text that a Prometheus server would read. */
import { isDeepStrictEqual } from "node:util";

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export class MetricsPage {
  /** Names of all metrics, with or without samples. */
  readonly families: readonly string[];
  readonly samples: readonly Sample[];

  constructor(text: string) {
    const lines = text.split("\n");
    this.families = lines.flatMap((line) => /^# TYPE (\S+)/.exec(line)?.[1] ?? []);
    this.samples = lines.flatMap((line) => {
      const match = /^([a-z_0-9]+)(?:\{(.*)\})? (\S+)$/i.exec(line);
      if (match === null) return [];
      const pairs = [...(match[2] ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
      const labels = Object.fromEntries(pairs.map(([, name = "", value = ""]) => [name, value]));
      return [{ name: match[1] ?? "", labels, value: Number(match[3]) }];
    });
  }

  static async of(
    url: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<MetricsPage> {
    const response = await fetch(`${url}/metrics`, { headers });
    if (response.status !== 200) throw new Error(`/metrics answered ${response.status}`);
    return new MetricsPage(await response.text());
  }

  /** The one sample of this name with exactly these labels; 0 while there is none. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number {
    const found = this.samples.find(
      (sample) => sample.name === name && isDeepStrictEqual({ ...sample.labels }, { ...labels }),
    );
    return found?.value ?? 0;
  }

  /** Values that a label of a metric has. */
  labelValues(name: string, label: string): readonly string[] {
    const of = this.samples.filter((sample) => sample.name === name);
    return [...new Set(of.map(({ labels }) => labels[label] ?? ""))].sort();
  }
}
