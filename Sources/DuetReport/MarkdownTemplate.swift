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
        {{#noise}}

        {{{.}}}
        {{/noise}}
        {{#sources}}

        {{{.}}}
        {{/sources}}
        {{#hasNotes}}

        What the steps did:

        {{#notes}}
        - **{{{step}}}**: {{{text}}}
        {{/notes}}
        {{/hasNotes}}
        {{#hasFaults}}

        ## Faults

        Both styles ran under each fault; then it was taken back and both ran again. Lost and doubled rows were counted
        after that, one style against the other.

        | fault | style | the run | datasets changed / as before / gone | time to recover | steps done again | rows written again | rows lost / doubled |
        |---|---|---|---|---:|---:|---:|---|
        {{#faults}}
        | {{{fault}}} | {{{style}}} | {{{ending}}} | {{{state}}} | {{{recovery}}} | {{{steps}}} | {{{rows}}} | {{{lost}}} / {{{doubled}}} |
        {{/faults}}
        {{/hasFaults}}
        {{#hasSweep}}

        ## Break-even

        Rows of `{{{sweepSource}}}` were corrected all over it, or added to it; each point began from the same state. Where
        full reprocessing was cheaper, and how times grow:

        {{#breakEvens}}
        - {{{.}}}
        {{/breakEvens}}
        {{#growths}}
        - {{{.}}}
        {{/growths}}

        {{{sweepStop}}}.
        {{#hasLeftOut}}
        Left out: {{{leftOut}}}.
        {{/hasLeftOut}}
        {{#sweepLines}}

        {{{sweepTitle}}}

        | point | rows before | procedural | declarative | ratio | measured | tables | what was done |
        |---:|---:|---:|---:|---:|---:|---|---|
        {{#sweepPoints}}
        | {{{x}}} | {{{rows}}} | {{{procedural}}} | {{{declarative}}} | {{{ratio}}} | {{{count}}} | {{{equal}}} | {{{note}}} |
        {{/sweepPoints}}
        {{/sweepLines}}

        Each dataset by itself: the change from which its procedural step was cheaper, and by what factor its steps (procedural /
        declarative) took longer at the largest size than at the smallest.

        | dataset | rows corrected | rows added | growth, corrected | growth, added |
        |---|---|---|---:|---:|
        {{#sweepDatasets}}
        | {{{dataset}}} | {{{corrected}}} | {{{added}}} | {{{growthCorrected}}} | {{{growthAdded}}} |
        {{/sweepDatasets}}
        {{/hasSweep}}
        {{#hasEffort}}

        ## Effort

        Counted in the definitions' files.

        | definition | files | statements or activities | lines | tokens |
        |---|---:|---:|---:|---:|
        {{#effortSizes}}
        | {{{definition}}} | {{{files}}} | {{{statements}}} | {{{lines}}} | {{{tokens}}} |
        {{/effortSizes}}

        Places, on average, that name what a typical change is about:

        | change | {{{definitions}}} |
        |---|{{{rules}}}|
        {{#effortChanges}}
        | {{{change}}} | {{{places}}} |
        {{/effortChanges}}
        {{/hasEffort}}
        {{#hasCost}}

        ## Cost at these prices

        At the prices of `{{{costFile}}}`, of {{{costDate}}}, in {{{currency}}}: an estimate to compare styles by, and no quote.

        | step | procedural | declarative |
        |---|---:|---:|
        {{#bills}}
        | {{{step}}} | {{{procedural}}} | {{{declarative}}} |
        {{/bills}}

        {{#assumptions}}
        - {{{.}}}
        {{/assumptions}}
        {{/hasCost}}

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
        {{#hasLineage}}

        ## Lineage

        Where the columns of the datasets that no other reads come from: what their own query makes them from, and the sources'
        columns at the end of the way. The page and the JSON have all published datasets.

        {{> lineageTable}}
        {{/hasLineage}}
        {{#hasProceduralLineage}}

        ## Lineage in the factory

        The same columns as the factory's activities wrote them: Copy by its mapping, data flows by their scripts, Script
        and stored procedures by their SQL. `source x` is the factory's dataset `x`.

        {{> lineageTable}}
        {{/hasProceduralLineage}}

        ## How it was measured

        Both styles ran in one process, in turn, on the same machine and with the same settings of DuckDB, each on a
        warehouse of its own that was empty before the first step. {{{transport}}} Times are wall times of a whole run:
        opening the warehouse, transfers, queries, and writing. After each step every published dataset was compared as a
        multiset in SQL: by two sums of hashes of all rows, and row by row for all but very large tables.

        - made on {{{date}}} by `duet compare`; scenario: {{{scenario}}}, seed {{{seed}}}
        - repetitions: {{{played}}} ({{{stop}}})
        - {{{load}}}
        - machine: {{{processor}}}, {{{cores}}} cores, {{{memory}}} memory, {{{system}}}
        - DuckDB {{{duckDB}}}

        """

    /// The table of columns and where they come from, of either form of the pipeline.
    static let lineageTable = """
        {{#lineageProblem}}
        {{{.}}}

        {{/lineageProblem}}
        | dataset | column | made from | comes from | through |
        |---|---|---|---|---|
        {{#lineageRows}}
        | {{{dataset}}} | {{{column}}} | {{{inputs}}} | {{{origins}}} | {{{through}}} |
        {{/lineageRows}}

        """
}
