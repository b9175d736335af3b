/**
 * Finds many words in one pass over a text (the automaton of Aho and Corasick). The time depends on
 * the text's length alone, not on how many words there are or how they overlap.
 */

/** A stretch of a text that belongs to words, and the first word it was found by. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly word: number;
}

interface Node {
  readonly next: Map<number, Node>;
  /** The node of the longest proper ending that is itself the beginning of a word. */
  ending: Node | undefined;
  /** The longest word that ends here, as its index; -1 when none does. */
  word: number;
  length: number;
}

function newNode(): Node {
  return { next: new Map(), ending: undefined, word: -1, length: 0 };
}

export class Matcher {
  readonly #root: Node = newNode();

  /** Words are compared by their UTF-16 units; an empty one is never found. */
  constructor(words: readonly string[]) {
    for (const [index, word] of words.entries()) this.#add(word, index);
    this.#link();
  }

  /** All stretches that are covered by words, from left to right; overlapping ones are joined. */
  find(text: string): readonly Stretch[] {
    const found: Stretch[] = [];
    const root = this.#root;
    let node = root;
    for (let i = 0; i < text.length; i += 1) {
      const unit = text.charCodeAt(i);
      let next = node.next.get(unit);
      while (next === undefined && node !== root) {
        node = node.ending ?? root;
        next = node.next.get(unit);
      }
      node = next ?? root;
      if (node.length > 0) join(found, { from: i + 1 - node.length, to: i + 1, word: node.word });
    }
    return found;
  }

  #add(word: string, index: number): void {
    if (word === "") return;
    let node = this.#root;
    for (let i = 0; i < word.length; i += 1) {
      const unit = word.charCodeAt(i);
      let next = node.next.get(unit);
      if (next === undefined) {
        next = newNode();
        node.next.set(unit, next);
      }
      node = next;
    }
    if (node.word === -1) node.word = index;
    node.length = word.length;
  }

  /** Breadth first, so that a node's ending is complete before the node asks for it. */
  #link(): void {
    const root = this.#root;
    const queue: Node[] = [...root.next.values()];
    for (const child of queue) child.ending = root;
    for (let i = 0; i < queue.length; i += 1) {
      const node = queue[i];
      if (node === undefined) break;
      if (node.length === 0 && node.ending !== undefined && node.ending.length > 0) {
        node.word = node.ending.word;
        node.length = node.ending.length;
      }
      for (const [unit, child] of node.next) {
        let ending = node.ending;
        while (ending !== undefined && !ending.next.has(unit)) ending = ending.ending;
        child.ending = ending?.next.get(unit) ?? root;
        queue.push(child);
      }
    }
  }
}

/** Stretches arrive by their ends; one may reach back over several before it. */
function join(found: Stretch[], stretch: Stretch): void {
  let { from } = stretch;
  let { word } = stretch;
  for (let last = found.at(-1); last !== undefined && last.to > from; last = found.at(-1)) {
    found.pop();
    from = Math.min(from, last.from);
    word = last.word;
  }
  found.push({ from, to: stretch.to, word });
}
