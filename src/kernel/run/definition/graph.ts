/** Walks over graphs of any depth: without recursion, so that 5,000 nodes in a row are no trouble. */

/** For each vertex the vertices that its edges lead to. */
export type Graph = readonly (readonly number[])[];

/** The strongly connected component of each vertex; two vertices on one cycle have the same. */
export function components(graph: Graph): readonly number[] {
  const count = graph.length;
  const order = graph.map(() => -1);
  const low = graph.map(() => 0);
  const component = graph.map(() => -1);
  const open: number[] = [];
  const trail: { vertex: number; next: number }[] = [];
  let visited = 0;
  let found = 0;
  const enter = (vertex: number): void => {
    order[vertex] = visited;
    low[vertex] = visited;
    visited += 1;
    open.push(vertex);
    trail.push({ vertex, next: 0 });
  };
  const leave = (vertex: number): void => {
    trail.pop();
    const parent = trail.at(-1)?.vertex;
    if (parent !== undefined) low[parent] = Math.min(at(low, parent), at(low, vertex));
    if (low[vertex] !== order[vertex]) return;
    let member: number | undefined;
    do {
      member = open.pop();
      if (member !== undefined) component[member] = found;
    } while (member !== undefined && member !== vertex);
    found += 1;
  };
  for (let root = 0; root < count; root += 1) {
    if (order[root] !== -1) continue;
    enter(root);
    for (let top = trail.at(-1); top !== undefined; top = trail.at(-1)) {
      const target = graph[top.vertex]?.[top.next];
      top.next += 1;
      if (target === undefined) leave(top.vertex);
      else if (order[target] === -1) enter(target);
      else if (component[target] === -1) {
        low[top.vertex] = Math.min(at(low, top.vertex), at(order, target));
      }
    }
  }
  return component;
}

/**
 * The vertices so that every edge leads forward, the lowest possible vertex first. Vertices on a
 * cycle, and those behind one, are missing from it.
 */
export function topological(graph: Graph): readonly number[] {
  const waiting = graph.map(() => 0);
  for (const targets of graph) {
    for (const target of targets) waiting[target] = at(waiting, target) + 1;
  }
  const ready = new MinHeap();
  waiting.forEach((count, vertex) => {
    if (count === 0) ready.push(vertex);
  });
  const order: number[] = [];
  for (let vertex = ready.pop(); vertex !== undefined; vertex = ready.pop()) {
    order.push(vertex);
    for (const target of graph[vertex] ?? []) {
      const left = at(waiting, target) - 1;
      waiting[target] = left;
      if (left === 0) ready.push(target);
    }
  }
  return order;
}

/**
 * For each vertex the targets of its edges that lead back to a vertex on the way to it, when one
 * walks depth first from `roots`, in their order.
 */
export function retreating(graph: Graph, roots: readonly number[]): readonly ReadonlySet<number>[] {
  const found = graph.map(() => new Set<number>());
  const seen = new Set<number>();
  const onTheWay = new Set<number>();
  const trail: { readonly vertex: number; next: number }[] = [];
  const enter = (vertex: number): void => {
    seen.add(vertex);
    onTheWay.add(vertex);
    trail.push({ vertex, next: 0 });
  };
  for (const root of roots) {
    if (!seen.has(root)) enter(root);
    for (let top = trail.at(-1); top !== undefined; top = trail.at(-1)) {
      const target = graph[top.vertex]?.[top.next];
      top.next += 1;
      if (target === undefined) {
        onTheWay.delete(top.vertex);
        trail.pop();
      } else if (onTheWay.has(target)) found[top.vertex]?.add(target);
      else if (!seen.has(target)) enter(target);
    }
  }
  return found;
}

/** Every vertex that can be reached from `from`, itself included. */
export function reachable(graph: Graph, from: number): ReadonlySet<number> {
  const seen = new Set([from]);
  const todo = [from];
  for (let vertex = todo.pop(); vertex !== undefined; vertex = todo.pop()) {
    for (const target of graph[vertex] ?? []) {
      if (seen.has(target)) continue;
      seen.add(target);
      todo.push(target);
    }
  }
  return seen;
}

function at(values: readonly number[], index: number): number {
  return values[index] ?? 0;
}

/** Numbers, the lowest out first; a number that is in it already is not put in again. */
export class MinHeap {
  readonly #items: number[] = [];
  readonly #held = new Set<number>();

  push(item: number): void {
    if (this.#held.has(item)) return;
    this.#held.add(item);
    const items = this.#items;
    let place = items.push(item) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (at(items, parent) <= item) break;
      items[place] = at(items, parent);
      place = parent;
    }
    items[place] = item;
  }

  pop(): number | undefined {
    const items = this.#items;
    const lowest = items[0];
    const last = items.pop();
    if (lowest === undefined || last === undefined) return undefined;
    this.#held.delete(lowest);
    if (items.length > 0) this.#sink(last);
    return lowest;
  }

  #sink(item: number): void {
    const items = this.#items;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && at(items, child + 1) < at(items, child)) child += 1;
      if (at(items, child) >= item) break;
      items[place] = at(items, child);
      place = child;
    }
    items[place] = item;
  }
}
