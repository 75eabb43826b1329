/**
 * A list whose members are made while it is read, by whoever writes the answer: one of thousands is never in memory as a whole, where
 * the garbage collector would copy it again and again. Each reading makes them anew.
 */
export class LazyList<T> implements Iterable<T> {
  readonly length: number
  readonly #make: () => Iterable<T>

  constructor(length: number, make: () => Iterable<T>) {
    this.length = length
    this.#make = make
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#make()[Symbol.iterator]()
  }
}
