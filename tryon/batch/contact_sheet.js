"use strict";
const figures = [...document.querySelectorAll("figure")];
const control = (id) => document.getElementById(id);
const filters = ["find", "doubt", "category", "verdict"].map(control);

function fits(figure) {
  const [find, doubt, category, verdict] = filters.map((filter) => filter.value);
  const { record, doubts, category: own, verdict: decided } = figure.dataset;
  return record.toLowerCase().includes(find.toLowerCase())
    && (!doubt || (doubt === "any" ? doubts.trim() : doubts.split(" ").includes(doubt)))
    && (!category || own === category)
    && (!verdict || decided === verdict);
}

function refresh() {
  for (const figure of figures) figure.hidden = !fits(figure);
  const shown = figures.filter((figure) => !figure.hidden).length;
  control("shown").textContent = `${shown} of ${figures.length} shown`;
  for (const verdict of ["approved", "rejected"]) {
    const count = figures.filter((figure) => figure.dataset.verdict === verdict).length;
    control(`save-${verdict}`).querySelector("span").textContent = count;
  }
}

function decide(figure, verdict) {
  figure.dataset.verdict = figure.dataset.verdict === verdict ? "none" : verdict;
  refresh();
}

function save(verdict) {
  const rows = figures.filter((figure) => figure.dataset.verdict === verdict).map((figure) => {
    const row = JSON.parse(figure.dataset.record);
    if (verdict === "rejected") row.seed += 1;
    return JSON.stringify({ ...row, verdict });
  });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([rows.join("\n") + "\n"]));
  link.download = `${verdict}.jsonl`;
  link.click();
}

for (const filter of filters) filter.addEventListener("input", refresh);
for (const button of document.querySelectorAll("[data-set]")) {
  button.addEventListener("click", () => decide(button.closest("figure"), button.dataset.set));
}
control("approve-shown").addEventListener("click", () => {
  for (const figure of figures) if (!figure.hidden) figure.dataset.verdict = "approved";
  refresh();
});
control("save-approved").addEventListener("click", () => save("approved"));
control("save-rejected").addEventListener("click", () => save("rejected"));
refresh();
