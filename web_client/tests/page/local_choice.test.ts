import { expect, it } from "vitest";
import { LocalChoice } from "../../src/page/local_choice";

function fakeStorage(items: Record<string, string> = {}): Pick<Storage, "getItem" | "setItem"> {
  return {
    getItem: (name) => items[name] ?? null,
    setItem: (name, value) => {
      items[name] = value;
    },
  };
}

it("is the first option until another is chosen, and is remembered", () => {
  const storage = fakeStorage();
  const choice = new LocalChoice("theme", ["system", "light"], storage);
  expect(choice.value).toBe("system");
  expect(choice.next()).toBe("light");
  expect(new LocalChoice("theme", ["system", "light"], storage).value).toBe("light");
  expect(choice.next()).toBe("system");
});

it("ignores a stored value that is no option", () => {
  expect(new LocalChoice("theme", ["system", "light"], fakeStorage({ theme: "pink" })).value).toBe("system");
});
