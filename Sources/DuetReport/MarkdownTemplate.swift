/// The layout of the Markdown report.
enum MarkdownTemplate {
    static let text = """
        # {{{pipeline}}}: procedural against declarative

        {{{summary}}}

        {{{verdict}}}

        | step | procedural | declarative | ratio | rows written (p / d) | fetched (p / d) | tables |
        |---|---:|---:|---:|---:|---:|---|
        {{#steps}}
        | {{{name}}} | {{{procedural}}} | {{{declarative}}} | {{{ratio}}} | {{{proceduralRows}}} / {{{declarativeRows}}} | {{{proceduralBytes}}} / {{{declarativeBytes}}} | {{{equal}}} |
        {{/steps}}

        *Ratio* is declarative time by procedural time. *Rows written* counts rows inserted and deleted in all datasets.
        {{{repetitions}}}
        {{#sources}}

        {{{.}}}
        {{/sources}}

        ## The pipeline

        ```mermaid
        {{{graph}}}
        ```
        {{#details}}

        ## Step: {{{name}}}

        | dataset | declarative strategy | rows | + | - | ms | why | tables |
        |---|---|---:|---:|---:|---:|---|---|
        {{#rows}}
        | {{{dataset}}} | {{{strategy}}} | {{{rows}}} | {{{inserted}}} | {{{deleted}}} | {{{milliseconds}}} | {{{why}}} | {{{equal}}} |
        {{/rows}}
        {{#differences}}

        Rows of `{{{name}}}` that only one side has:

        {{#rows}}
        - `{{{.}}}`
        {{/rows}}
        {{/differences}}

        ```mermaid
        {{{proceduralGantt}}}
        ```

        ```mermaid
        {{{declarativeGantt}}}
        ```
        {{/details}}

        ## Data quality

        Counted at the first step; both styles hold rows to the same rules.

        | dataset | expectation | on violation | passed | failed |
        |---|---|---|---:|---:|
        {{#expectations}}
        | {{{dataset}}} | {{{name}}} | {{{action}}} | {{{passed}}} | {{{failed}}} |
        {{/expectations}}

        ## How it was measured

        Both styles ran in one process, in turn, on the same machine and with the same settings of DuckDB, each on a
        warehouse of its own that was empty before the first step. Sources came over HTTP from a server on this machine.
        Times are wall times of a whole run: opening the warehouse, transfers, queries, and writing. After each step every
        published dataset was compared row by row as a multiset, in SQL.

        - made on {{{date}}} by `duet compare`
        - machine: {{{processor}}}, {{{cores}}} cores, {{{memory}}} memory, {{{system}}}
        - DuckDB {{{duckDB}}}

        """
}
