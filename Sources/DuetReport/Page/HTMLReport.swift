internal import DuetPipeline

/// The report as one HTML page that needs nothing else: its data, its charts' library and its style are inside.
public enum HTMLReport {
    /// The page's text.
    ///
    /// The page holds the JSON report itself, and every number in it is drawn from there.
    ///
    /// - Parameters:
    ///   - report: What was found.
    ///   - charts: The text of D3, version 5.
    /// - Returns: HTML.
    public static func text(_ report: ComparisonReport, charts: String) -> String {
        let title = escaped("\(report.pipeline): procedural against declarative")
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
            script-src 'unsafe-inline'; img-src data:">
            <title>\(title)</title>
            <style>
            \(PageStyle.text)
            </style>
            </head>
            <body>
            <a class="skip" href="#main">Skip to the results</a>
            <header>
            <p class="brand">duet compare</p>
            <h1>\(title)</h1>
            <p class="lead">\(escaped(report.summary ?? ""))</p>
            <nav aria-label="Sections" id="nav"></nav>
            </header>
            <main id="main">
            <noscript><p class="warning">This page draws its tables and charts with JavaScript, which is off.</p></noscript>
            </main>
            <footer><p>Charts by <a href="https://d3js.org">D3</a> 5 (BSD licence, in this page's source). Made by
            <code>duet compare</code> on \(escaped(report.date)). This page makes no request to anywhere.</p></footer>
            <script type="application/json" id="data">\(embedded(report.json.text()))</script>
            <script>
            /*
            \(License.d3)
            */
            \(charts)
            </script>
            <script>
            \(PageScript.text)
            \(PageCharts.text)
            \(PageSections.text)
            </script>
            </body>
            </html>

            """
    }

    /// JSON inside a script element: nothing in it may look like the element's end.
    static func embedded(_ json: String) -> String {
        json.replacing("<", with: "\\u003c").replacing("\u{2028}", with: "\\u2028").replacing(
            "\u{2029}",
            with: "\\u2029"
        )
    }

    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }
}

/// The terms under which others' work is passed on in the page.
enum License {
    static let d3 = """
        D3: Copyright 2010-2018 Mike Bostock. All rights reserved.

        Redistribution and use in source and binary forms, with or without modification, are permitted provided that the
        following conditions are met: Redistributions of source code must retain the above copyright notice, this list of
        conditions and the following disclaimer. Redistributions in binary form must reproduce the above copyright notice,
        this list of conditions and the following disclaimer in the documentation and/or other materials provided with the
        distribution. Neither the name of the author nor the names of contributors may be used to endorse or promote
        products derived from this software without specific prior written permission.

        THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES,
        INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
        DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT OWNER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL,
        SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR
        SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY,
        WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE
        OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
        """
}
