import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { holds } from "../../../../test/support/property.ts";
import { components, type Graph, MinHeap, reachable, topological } from "./graph.ts";

const graphs: fc.Arbitrary<Graph> = fc
  .integer({ min: 1, max: 12 })
  .chain((size) =>
    fc.array(fc.uniqueArray(fc.nat({ max: size - 1 })), { minLength: size, maxLength: size }),
  );

describe("walks over graphs", () => {
  it("put two vertices in one component exactly when each reaches the other", () => {
    holds(
      fc.property(graphs, (graph) => {
        const found = components(graph);
        const reach = graph.map((_, vertex) => reachable(graph, vertex));
        for (const [a, fromA] of reach.entries()) {
          for (const [b, fromB] of reach.entries()) {
            expect(found[a] === found[b]).toBe(fromA.has(b) && fromB.has(a));
          }
        }
      }),
      { runs: 200 },
    );
  });

  it("order every vertex that is behind no cycle, each after what leads to it", () => {
    holds(
      fc.property(graphs, (graph) => {
        const order = topological(graph);
        for (const [source, targets] of graph.entries()) {
          for (const target of targets) {
            if (!order.includes(target)) continue;
            expect(order.indexOf(source)).toBeGreaterThanOrEqual(0);
            expect(order.indexOf(source)).toBeLessThan(order.indexOf(target));
          }
        }
        const stuck = graph.map((_, vertex) => vertex).filter((vertex) => !order.includes(vertex));
        const cyclic = stuck.filter((vertex) =>
          graph.some((targets, other) => targets.includes(vertex) && stuck.includes(other)),
        );
        expect(cyclic).toEqual(stuck);
      }),
      { runs: 200 },
    );
  });

  it("take numbers out of a heap in order, each once", () => {
    holds(
      fc.property(fc.array(fc.nat({ max: 50 })), (numbers) => {
        const heap = new MinHeap();
        for (const number of numbers) heap.push(number);
        const out: number[] = [];
        for (let next = heap.pop(); next !== undefined; next = heap.pop()) out.push(next);
        expect(out).toEqual([...new Set(numbers)].toSorted((one, other) => one - other));
      }),
      { runs: 200 },
    );
  });
});
