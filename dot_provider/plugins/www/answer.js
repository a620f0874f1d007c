// The tab "Dot answer": reads a task's XComs through Airflow's own API, as the person who looks, and shows them as
// React elements. Nothing of an answer ever becomes HTML, and nothing is loaded from elsewhere.
(() => {
  const { createElement: h, useEffect, useState } = globalThis.React;
  const color = (name) => `var(--chakra-colors-${name})`;
  const styles = {
    page: { padding: 16, maxWidth: 1100, color: color("fg"), lineHeight: 1.55, overflowWrap: "anywhere" },
    muted: { color: color("fg-muted"), fontSize: "0.9em" },
    value: { fontSize: "1.8em", fontWeight: 600, margin: "0 0 8px", fontVariantNumeric: "tabular-nums" },
    title: { fontSize: "1.15em", fontWeight: 600, margin: "0 0 12px" },
    code: { background: color("bg-muted"), padding: 10, borderRadius: 6, overflowX: "auto", whiteSpace: "pre", fontSize: "0.85em" },
    inline: { background: color("bg-muted"), padding: "0 4px", borderRadius: 4, fontSize: "0.9em" },
    frame: { overflowX: "auto", margin: "12px 0" },
    table: { borderCollapse: "collapse", fontSize: "0.92em" },
    cell: { border: `1px solid ${color("border")}`, padding: "4px 10px", textAlign: "left", verticalAlign: "top" },
    number: { textAlign: "right", fontVariantNumeric: "tabular-nums" },
    chart: { background: "white", padding: 8, borderRadius: 6, maxWidth: "100%" },
    link: { color: color("fg-info"), textDecoration: "underline" },
  };

  const link = (url, words) =>
    /^https?:\/\//i.test(url ?? "")
      ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer", style: styles.link }, words)
      : words;

  // Bold, italics, code and links of one line; a picture becomes its words, so that no foreign server hears of it.
  const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|!?\[([^\]]*)\]\(([^()\s]*)\)|<(https?:[^>\s]+)>|_([^_\s][^_]*)_(?!\w)/g;
  const inline = (text) => {
    const parts = [];
    let end = 0;
    for (const found of text.matchAll(INLINE)) {
      parts.push(text.slice(end, found.index));
      end = found.index + found[0].length;
      const [, code, bold, words, url, bare, italic] = found;
      if (code !== undefined) parts.push(h("code", { style: styles.inline }, code));
      else if (bold !== undefined) parts.push(h("strong", null, bold));
      else if (words !== undefined) parts.push(found[0][0] === "!" ? words : link(url, words || url));
      else if (bare !== undefined) parts.push(link(bare, bare));
      else parts.push(h("em", null, italic));
    }
    return h(globalThis.React.Fragment, null, ...parts, text.slice(end));
  };

  const isNumber = (text) => /^[-+]?[\d., ]*\d%?$/.test(text);
  const cell = (tag, value) => {
    const text = String(value ?? "");
    return h(tag, { style: isNumber(text) ? { ...styles.cell, ...styles.number } : styles.cell }, inline(text));
  };
  const table = (header, rows) =>
    h("div", { style: styles.frame },
      h("table", { style: styles.table },
        h("thead", null, h("tr", null, ...header.map((text) => cell("th", text)))),
        h("tbody", null, ...rows.map((row) => h("tr", null, ...row.map((text) => cell("td", text)))))));

  const cells = (line) => line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((text) => text.trim().replaceAll("\\|", "|"));
  const RULE = /^\s*\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)*\|?\s*$/;

  // The markdown that Dot writes: headings, lists, tables, quotes, fences, paragraphs.
  const markdown = (text) => {
    const lines = String(text ?? "").split(/\r?\n/);
    const out = [];
    const take = (test) => {
      const taken = [];
      while (lines.length && test(lines[0])) taken.push(lines.shift());
      return taken;
    };
    while (lines.length) {
      const line = lines[0];
      const fence = line.match(/^\s*(`{3,})/);
      const heading = line.match(/^(#{1,6})\s+(.*)/);
      const item = /^\s*([-*+]|\d+[.)])\s+/;
      if (fence) {
        lines.shift();
        out.push(h("pre", { style: styles.code }, take((next) => !next.trim().startsWith(fence[1])).join("\n")));
        lines.shift();
      } else if (heading) {
        lines.shift();
        out.push(h(`h${Math.min(6, heading[1].length + 1)}`, { style: { fontWeight: 600, margin: "12px 0 4px" } }, inline(heading[2])));
      } else if (line.includes("|") && RULE.test(lines[1] ?? "")) {
        const header = cells(lines.shift());
        lines.shift();
        out.push(table(header, take((next) => next.includes("|")).map(cells)));
      } else if (item.test(line)) {
        const ordered = /^\s*\d/.test(line);
        const items = take((next) => item.test(next)).map((next) => h("li", null, inline(next.replace(item, ""))));
        out.push(h(ordered ? "ol" : "ul", { style: { paddingLeft: 24, listStyle: ordered ? "decimal" : "disc" } }, ...items));
      } else if (line.startsWith(">")) {
        const words = take((next) => next.startsWith(">")).map((next) => next.replace(/^>\s?/, ""));
        out.push(h("blockquote", { style: { ...styles.muted, paddingLeft: 10 } }, inline(words.join(" "))));
      } else if (!line.trim()) {
        lines.shift();
      } else {
        const first = lines.shift();
        const rest = take((next) => next.trim() && !/^(\s*```|#{1,6}\s|>)/.test(next) && !item.test(next) && !next.includes("|"));
        out.push(h("p", { style: { margin: "6px 0" } }, inline([first, ...rest].join(" "))));
      }
    }
    return out;
  };

  const standsIn = (text, { rows }) => rows?.length > 0 && rows.every((row) => String(text).includes(`| ${row.join(" | ")} |`));
  const answerTable = ({ columns, rows, preview, shape, summary }) => {
    const count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;
    const notes = [shape ? `${count(shape[0], "row")}, ${count(shape[1], "column")}` : "", summary ?? ""].filter(Boolean).join(" · ");
    const shown = columns?.length
      ? table(columns, rows ?? [])
      : preview ? h("pre", { style: styles.code }, preview) : null;
    return h("div", null, shown, notes ? h("p", { style: styles.muted }, notes) : null);
  };

  const chart = ({ key, interpretation }, pictures) => {
    const picture = pictures[key];
    const safe = typeof picture === "string" && /^iVBORw0KGgo[A-Za-z0-9+/]+=*$/.test(picture);
    return h("div", { style: styles.frame },
      safe ? h("img", { src: `data:image/png;base64,${picture}`, alt: String(interpretation || key), style: styles.chart }) : null,
      interpretation ? h("p", { style: styles.muted }, String(interpretation)) : null);
  };

  const questions = (words, texts) =>
    texts?.length
      ? [h("p", { style: styles.muted }, words),
         h("ul", { style: { ...styles.muted, paddingLeft: 24, listStyle: "disc" } }, ...texts.map((text) => h("li", null, String(text))))]
      : [];

  const answer = (record, pictures) => [
    record.question ? h("p", { style: styles.title }, String(record.question)) : null,
    isNumber(String(record.value ?? "")) ? h("p", { style: styles.value }, `${record.value.toLocaleString()} ${record.unit ?? ""}`) : null,
    ...markdown(record.text),
    ...(record.tables ?? []).filter((one) => !standsIn(record.text, one)).map(answerTable),
    ...(record.charts ?? []).map((one) => chart(one, pictures)),
    record.sql ? h("details", { style: { margin: "12px 0" } }, h("summary", { style: { cursor: "pointer" } }, "SQL"), h("pre", { style: styles.code }, String(record.sql))) : null,
    ...questions("Not asked, because answers have cost more than they may:", record.not_asked),
    ...questions("Dot suggests to ask next:", record.suggested_follow_ups),
    h("p", { style: { margin: "12px 0" } }, link(record.url, "Open in Dot"),
      record.credits === null || record.credits === undefined ? null : h("span", { style: styles.muted }, `  ·  ${record.credits} ${record.credits === 1 ? "credit" : "credits"}`)),
    ...(record.follow_ups ?? []).flatMap((next) => [h("hr", { style: { margin: "20px 0", borderColor: color("border") } }), ...answer(next, pictures)]),
  ];

  const evaluation = (run) => [
    h("p", { style: styles.title }, `Evaluation ${run.evaluation_id ?? run.id ?? ""}: ${run.outcome ?? run.verdict ?? run.status ?? ""}`),
    ...(run.reasons ?? []).map((reason) => h("p", null, String(reason))),
    table(["Question", "Verdict", "Expected", "Observed"],
      (run.questions ?? []).map((one) => [one.question ?? one.id, one.verdict, one.expected, one.observed])),
    h("p", null, link(run.url, "Open in Dot")),
  ];

  const SENTENCES = {
    401: "Log in to Airflow to see this answer.",
    403: "You may not read this DAG's XComs, and the answer is one.",
    404: "This task has no answer from Dot.",
  };
  const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

  const DotAnswer = ({ dagId, runId, taskId, mapIndex }) => {
    const [shown, show] = useState("Loading ...");
    useEffect(() => {
      let gone = false;
      const base = new URL(document.baseURI).pathname.replace(/\/$/, "");
      const path = ["dags", dagId, "dagRuns", runId, "taskInstances", taskId].map(encodeURIComponent).join("/");
      const entries = `${base}/api/v2/${path}/xcomEntries`;
      const place = `map_index=${encodeURIComponent(mapIndex ?? -1)}`;
      const read = async (key) => {
        const response = await fetch(`${entries}/${encodeURIComponent(key)}?${place}&deserialize=false`, { credentials: "same-origin" });
        if (!response.ok) throw response.status;
        const { value } = await response.json();
        try { return typeof value === "string" ? JSON.parse(value) : value; } catch { return value; }
      };
      const pictures = async (record) => {
        const keys = [record, ...(record.follow_ups ?? [])].flatMap((one) => (one.charts ?? []).map(({ key }) => key));
        const found = await Promise.all(keys.map((key) => read(`dot_chart_${key}`).catch(() => null)));
        return Object.fromEntries(keys.map((key, number) => [key, found[number]]));
      };
      const load = async () => {
        // A task that its evaluation failed returns nothing, and has left the run under its own name.
        const record = await read("return_value").catch((status) => {
          if (status !== 404) throw status;
          return read("evaluation_run");
        });
        if (isObject(record) && record.outcome && record.questions) return evaluation(record);
        if (!isObject(record)) return typeof record === "string" && record ? "The answer is stored elsewhere; see this task's XComs." : SENTENCES[404];
        if (record.chat_id === undefined) return SENTENCES[404];
        return answer(record, await pictures(record));
      };
      load()
        .catch((status) => SENTENCES[status] ?? `Airflow did not hand out this task's XComs (${status}).`)
        .then((result) => { if (!gone) show(result); });
      return () => { gone = true; };
    }, [dagId, runId, taskId, mapIndex]);
    return h("div", { style: styles.page }, ...(Array.isArray(shown) ? shown : [h("p", { style: styles.muted }, shown)]));
  };

  globalThis["Dot answer"] = DotAnswer;
  globalThis.AirflowPlugin = DotAnswer;
})();
