// Tables that sort by a click on a heading; the address remembers which.
import { all, find, recalled, remember } from "./dom.js";

export function number(text) {
  const plain = text.replaceAll(",", "").replace("−", "-").match(/-?\d+(\.\d+)?/);
  return plain ? Number(plain[0]) : null;
}

export class SortableTable {
  constructor(table) {
    this.table = table;
    this.column = recalled("sort");
    this.down = recalled("down") === "1";
    for (const heading of all("th[data-column]", table)) {
      find("button", heading)?.addEventListener("click", () => this.by(heading));
    }
    this.sort();
  }

  by(heading) {
    const name = heading.dataset.column, rightFirst = heading.classList.contains("right");
    this.down = this.column === name ? !this.down : rightFirst; // of numbers the largest first
    this.column = name;
    remember({ sort: name, down: this.down ? "1" : null });
    this.sort();
  }

  sort() {
    const headings = all("thead th", this.table);
    const place = headings.findIndex((heading) => heading.dataset.column === this.column);
    for (const heading of headings) heading.removeAttribute("aria-sort");
    if (place < 0) return;
    headings[place].setAttribute("aria-sort", this.down ? "descending" : "ascending");
    const numeric = headings[place].classList.contains("right"), body = find("tbody", this.table);
    const keyed = all("tr", body).map((row) => {
      const text = row.cells[place].textContent.trim();
      return [numeric ? number(text) : text, row];
    });
    keyed.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null); // unknown last, whichever way
      const order = numeric ? a - b : a.localeCompare(b, undefined, { numeric: true });
      return this.down ? -order : order;
    });
    body.append(...keyed.map(([, row]) => row));
  }
}
