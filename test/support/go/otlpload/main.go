// Command otlpload sends spans over OTLP gRPC as traffic of new traces, or takes them and counts.
//
//	otlpload prepare -base FILE -output FILE -spans N [-first N]
//	otlpload send -base FILE [-compressed FILE] -to ADDRESS [-connections N] [-in-flight N] [-first N]
//	otlpload sink
//
// A base is repeated [uvarint length][ExportTraceServiceRequest]. It is played over and over, with other trace ids each time. `prepare`
// writes such a playing compressed, for a sender that must not spend its time on that; without it `send` writes the ids anew as it sends.
//
// `send` and `sink` take lines on their standard input and answer each with one line of JSON.
//
//	rate N    send: from now on N spans a second; 0: as fast as they are answered
//	pause     send: nothing more, for now; answered when all that is under way is
//	report    what was sent and accepted, or came, so far: the answer to all of them
//
// At the end of their standard input they end.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("prepare, send or sink?"))
	}
	switch os.Args[1] {
	case "prepare":
		prepare(os.Args[2:])
	case "send":
		send(os.Args[2:])
	case "sink":
		sink()
	default:
		fail(fmt.Errorf("%q is none of prepare, send, sink", os.Args[1]))
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func check(err error) {
	if err != nil {
		fail(err)
	}
}

func answer(value any) {
	text, err := json.Marshal(value)
	check(err)
	fmt.Println(string(text))
}

// commands calls `each` with every line of the standard input, and answers with what it gives.
func commands(each func(line string) any) {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		answer(each(lines.Text()))
	}
}
