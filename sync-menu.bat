@echo off
rem A menu for those who run pgsync by hand: double-click it, type a number, and
rem read in words how it went. It works in the folder of this file.
rem
rem It ends with 0 when it is left, and with 2 where the program or the
rem configuration is missing. At the end of its input it ends by itself.
setlocal DisableDelayedExpansion
set "RC=2"
set "CONFIG=%PGSYNC_CONFIG%"

rem Tasks start in System32, and a network path has no drive letter.
pushd "%~dp0"
if errorlevel 1 goto no_folder

set "PROGRAM="
if exist "target\release\pgsync.exe" set "PROGRAM=target\release\pgsync.exe"
if exist "pgsync.exe" set "PROGRAM=pgsync.exe"
if not defined PROGRAM goto no_program

if exist "config\pgsync.toml" set "CONFIG=found"
if exist "pgsync.toml" set "CONFIG=found"
if not defined CONFIG goto no_config

set "EMPTY="

:menu
echo.
echo   pgsync
echo.
echo   1  Reverse: bring what is new in the cloud to the desktop
echo   2  Forward: bring what is new on the desktop to the cloud
echo   3  Forward in full: compare desktop and cloud, and bring the cloud up to date
echo   4  Rehearse: show what 1 and 2 would do, and change nothing
echo   5  Status: how far each table has come
echo   6  Rejects: the rows that were set aside, and what to do about them
echo   7  Check: whether everything is ready for a run
echo   0  Leave
echo.

:ask
rem An answer that is only Enter cannot be told from the end of the input, which
rem would go on for ever: the third one in a row leaves the menu.
set "CHOICE="
set /p "CHOICE=Type a number and press Enter: "
if not defined CHOICE goto no_answer
set "EMPTY="
set "COMMAND="
set "NEXT="
rem An answer may hold any sign. Without quotation marks in it, those around it
rem keep the others from having a meaning.
set "CHOICE=%CHOICE:"=%"
if "%CHOICE%"=="0" goto leave
if "%CHOICE%"=="1" set "COMMAND=reverse"& goto run
if "%CHOICE%"=="2" set "COMMAND=forward --incremental"& goto run
if "%CHOICE%"=="3" set "COMMAND=forward --full"& goto run
if "%CHOICE%"=="4" set "COMMAND=reverse --dry-run"& set "NEXT=forward --dry-run"& goto run
if "%CHOICE%"=="5" set "COMMAND=status"& goto run
if "%CHOICE%"=="6" set "COMMAND=rejects"& goto run
if "%CHOICE%"=="7" set "COMMAND=check"& goto run
echo That is none of the numbers above.
goto ask

:no_answer
if "%EMPTY%"=="xx" goto leave
set "EMPTY=%EMPTY%x"
goto ask

:run
echo.
".\%PROGRAM%" %COMMAND%
set "ENDED=%ERRORLEVEL%"
set "MEANING=it ended in a way that it does not know itself"
if "%ENDED%"=="0" set "MEANING=done, or nothing to do"
if "%ENDED%"=="1" set "MEANING=done, but at least one table failed: its error stands above"
if "%ENDED%"=="2" set "MEANING=wrong usage or configuration: the error above says what to change"
if "%ENDED%"=="3" set "MEANING=it could not start: the error above says what to do"
if "%ENDED%"=="4" set "MEANING=rows were set aside: 6 lists them"
if "%ENDED%"=="5" set "MEANING=another run is at work: wait until it has finished"
if "%ENDED%"=="6" set "MEANING=a safety limit stopped a table: its error stands above"
if "%ENDED%"=="7" set "MEANING=the two sides are out of date or different"
if "%ENDED%"=="130" set "MEANING=interrupted: what was committed stays"
echo.
echo Exit code %ENDED%: %MEANING%
if not defined NEXT goto menu
set "COMMAND=%NEXT%"
set "NEXT="
goto run

:no_program
echo error: there is no pgsync.exe beside sync-menu.bat 1>&2
echo   hint: put pgsync.exe into "%~dp0" 1>&2
echo   hint: or build it there with: cargo build --release 1>&2
goto leave_folder

:no_config
echo error: there is no config\pgsync.toml beside sync-menu.bat 1>&2
echo   hint: copy the folder config of pgsync into "%~dp0" and fill in config\.env 1>&2
goto leave_folder

:no_folder
echo error: could not enter the folder "%~dp0" 1>&2
goto wait

:leave
popd
endlocal & exit /b 0

:leave_folder
popd

:wait
if defined PGSYNC_NO_PAUSE goto done
if not defined SESSIONNAME goto done
rem Only a double click starts us with cmd /c and a person before the screen.
rem The line may hold any path, so it is only ever expanded late.
setlocal EnableDelayedExpansion
set "STARTED=!CMDCMDLINE!"
if not defined STARTED goto not_clicked
if "!STARTED: /c =!"=="!STARTED!" goto not_clicked
pause

:not_clicked
endlocal & endlocal & exit /b %RC%

:done
endlocal & exit /b %RC%
