// The source's inset over the edited picture: moved by dragging or with the arrow keys. The place is kept in this browser.

const STORAGE_KEY = "lipar-inset";
const KEY_STEP = 0.08;
const KEYS: Record<string, [x: number, y: number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Inset {
  private x = 0.98; // of the free space: 0 left, 1 right
  private y = 0.96;

  constructor(
    private readonly root: HTMLElement,
    private readonly storage: Pick<Storage, "getItem" | "setItem"> = window.localStorage,
  ) {
    const [x, y] = (storage.getItem(STORAGE_KEY) ?? "").split(" ").map(Number);
    if (x !== undefined && y !== undefined && Number.isFinite(x + y)) this.moveTo(x, y);
    root.addEventListener("pointerdown", (event) => {
      this.startDrag(event);
    });
    root.addEventListener("keydown", (event) => {
      const step = KEYS[event.key];
      if (step === undefined) return;
      event.preventDefault();
      this.moveTo(this.x + step[0] * KEY_STEP, this.y + step[1] * KEY_STEP);
    });
  }

  private moveTo(x: number, y: number): void {
    this.x = Math.min(1, Math.max(0, x));
    this.y = Math.min(1, Math.max(0, y));
    this.root.style.setProperty("--inset-x", String(this.x));
    this.root.style.setProperty("--inset-y", String(this.y));
    this.storage.setItem(STORAGE_KEY, `${this.x.toFixed(3)} ${this.y.toFixed(3)}`);
  }

  private startDrag(down: PointerEvent): void {
    const { root, x, y } = this;
    const space = root.parentElement;
    if (space === null) return;
    const freeWidth = Math.max(1, space.clientWidth - root.offsetWidth);
    const freeHeight = Math.max(1, space.clientHeight - root.offsetHeight);
    const move = (event: PointerEvent): void => {
      this.moveTo(x + (event.clientX - down.clientX) / freeWidth, y + (event.clientY - down.clientY) / freeHeight);
    };
    root.setPointerCapture(down.pointerId);
    root.addEventListener("pointermove", move);
    root.addEventListener("lostpointercapture", () => {
      root.removeEventListener("pointermove", move);
    }, { once: true });
  }
}
