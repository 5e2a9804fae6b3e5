%% A server and a client of Erlang's gen_sctp, for tests/e2e/cases/programs.py.
-module(echo).
-export([server/0, client/0]).
-include_lib("kernel/include/inet_sctp.hrl").

-define(PORT, 5600).
-define(MESSAGES, 50).

server() ->
    {ok, S} = gen_sctp:open([{ip, any}, {port, ?PORT}, {active, false},
                             {sctp_events, #sctp_event_subscribe{}}]),
    ok = gen_sctp:listen(S, true),
    io:format("listening~n"),
    serve(S, 0).

serve(_, ?MESSAGES) ->
    io:format("served~n"),
    timer:sleep(1000),
    halt(0);
serve(S, N) ->
    case gen_sctp:recv(S, 20000) of
        {ok, {_, _, [#sctp_sndrcvinfo{assoc_id = A, stream = Stream} | _], Data}}
          when is_binary(Data) ->
            ok = gen_sctp:send(S, A, Stream, ["echo ", Data]),
            serve(S, N + 1);
        {ok, _} -> serve(S, N);
        Error -> io:format("~p~n", [Error]), halt(1)
    end.

%% What stands behind -extra.
server_address() ->
    [Text] = init:get_plain_arguments(),
    {ok, Address} = inet:parse_address(Text),
    Address.

client() ->
    {ok, S} = gen_sctp:open([{active, false}, {sctp_nodelay, true},
                             {sctp_initmsg, #sctp_initmsg{num_ostreams = 5, max_instreams = 5}}]),
    {ok, A} = gen_sctp:connect(S, server_address(), ?PORT, [], 10000),
    5 = A#sctp_assoc_change.outbound_streams,
    [begin
         Text = iolist_to_binary(["message ", integer_to_list(I)]),
         ok = gen_sctp:send(S, A, I rem 5, Text),
         Expected = <<"echo ", Text/binary>>,
         Expected = next(S)
     end || I <- lists:seq(1, ?MESSAGES)],
    Id = A#sctp_assoc_change.assoc_id,
    {ok, [{sctp_status, Status}]} =
        inet:getopts(S, [{sctp_status, #sctp_status{assoc_id = Id}}]),
    established = Status#sctp_status.state,
    ok = gen_sctp:eof(S, A),
    ok = gen_sctp:close(S),
    io:format("content~n"),
    halt(0).

next(S) ->
    case gen_sctp:recv(S, 10000) of
        {ok, {_, _, _, Data}} when is_binary(Data) -> Data;
        {ok, _} -> next(S);
        Error -> Error
    end.
