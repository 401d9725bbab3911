// Rows of one height, of which only those in sight are in the page, however many there are.
const ROW_HIGH = 32;

class VirtualRows {
  // `make(places)` returns a node for each place; `keyOf(at)`, where it is given, says when a row need not be made anew;
  // `reached(last)` hears how far the reader has come.
  constructor(scroll, canvas, make, { keyOf = null, reached = () => {} } = {}) {
    Object.assign(this, { scroll, canvas, make, keyOf, reached });
    this.count = 0;
    this.lined = new Map();  // rows in the page by their place
    this.scroll.addEventListener("scroll", () => this.paint(), { passive: true });
    this.sized = new ResizeObserver(() => this.paint());
    this.sized.observe(scroll);
  }

  // There are `count` rows now, and room for some that will come.
  show(count, room = 0) {
    this.count = count;
    this.canvas.style.height = (count + room) * ROW_HIGH + "px";
    this.again();
  }

  // What is in sight is made anew, but for rows whose key is the same.
  again() {
    this.shown = null;
    this.paint();
  }

  paint() {
    const first = Math.max(0, Math.floor(this.scroll.scrollTop / ROW_HIGH) - 6);
    const last = Math.min(this.count, first + Math.ceil(this.scroll.clientHeight / ROW_HIGH) + 12);
    this.reached(last);
    const span = first + " " + last;
    if (this.shown === span) return;
    const whole = !this.shown;
    this.shown = span;
    for (const [at, node] of this.lined) {
      if (at >= first && at < last && !(whole && (!this.keyOf || node.weftKey !== this.keyOf(at)))) continue;
      node.remove();
      this.lined.delete(at);
    }
    const fresh = [];
    for (let at = first; at < last; at++) if (!this.lined.has(at)) fresh.push(at);
    if (!fresh.length) return;
    this.make(fresh).forEach((node, n) => {
      node.style.top = fresh[n] * ROW_HIGH + "px";
      node.setAttribute("role", "row");
      node.setAttribute("aria-rowindex", String(fresh[n] + 2));
      if (this.keyOf) node.weftKey = this.keyOf(fresh[n]);
      this.lined.set(fresh[n], node);
    });
    this.canvas.append(...fresh.map((at) => this.lined.get(at)));
  }

  // Scrolls until a row is in sight.
  bring(at) {
    const top = at * ROW_HIGH, view = this.scroll, room = view.clientHeight - ROW_HIGH;
    if (top < view.scrollTop) view.scrollTop = top;
    if (top + ROW_HIGH > view.scrollTop + room) view.scrollTop = top + ROW_HIGH - room;
  }

  stop() { this.sized.disconnect(); }
}
