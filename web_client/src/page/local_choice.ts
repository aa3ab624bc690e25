// A choice that this browser remembers.

export class LocalChoice<T extends string> {
  /** `options`: what it may be; the first is the default. */
  constructor(
    private readonly name: string,
    private readonly options: readonly [T, ...T[]],
    private readonly storage: Pick<Storage, "getItem" | "setItem"> = window.localStorage,
  ) {}

  get value(): T {
    const stored = this.storage.getItem(this.name);
    return this.options.find((option) => option === stored) ?? this.options[0];
  }

  set value(choice: T) {
    this.storage.setItem(this.name, choice);
  }

  /** Chooses and returns the next option. */
  next(): T {
    const index = this.options.indexOf(this.value);
    return (this.value = this.options[(index + 1) % this.options.length] ?? this.options[0]);
  }
}
