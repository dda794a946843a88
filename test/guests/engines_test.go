package guests

import (
	"testing"

	"latticework/components"
)

// How the engine runs the guests.
var (
	compiled    = components.EngineConfig{}
	interpreted = components.EngineConfig{Interpreter: true}
)

// TestUnderInterpreter does what the other tests do with wazero's interpreter:
// the same guests, the same answers. Left out are CPython and Ruby as programs
// of WASI 0.1, which take seconds to start.
func TestUnderInterpreter(t *testing.T) {
	notRaced(t)
	for _, k := range []struct {
		name string
		test func(*testing.T, components.EngineConfig)
	}{
		{"recorded", recordedGuests},
		{"pure", pureFunctions},
		{"keyvalue", keyvalueFunctions},
		{"http3", http3Guest},
		{"fetch", fetchEvent},
		{"typescript", typeScript},
		{"starling", starlingCommand},
		{"python", pythonLibrary},
		{"python command", pythonCommand},
		{"python http", pythonHTTP3},
		{"php", phpScripts},
		{"exceptions", exceptionsPrinted},
	} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			k.test(t, interpreted)
		})
	}
}
